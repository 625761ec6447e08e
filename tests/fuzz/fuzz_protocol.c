/* fuzz_protocol.c - any bytes as a line of the control socket. Either it is refused with a reason that can be printed, or
 * it names a command in a few letters, its fields can be asked for, and it is said again as one line that is read as
 * the same; as a refusal, too. */
#include "fuzz.h"
#include "posternd/protocol.h"

static void check_why(const char *why)
{
	FUZZ_CHECK(why[0] && memchr(why, '\0', PROTOCOL_WHY_MAX));
	for (; *why; why++)
		FUZZ_CHECK(*why >= ' ' && *why < 0x7f);
}

static void check_command(const char *command)
{
	size_t len = command ? strlen(command) : 0;

	FUZZ_CHECK(len > 0 && len <= 32 && strspn(command, "abcdefghijklmnopqrstuvwxyz-") == len);
}

/* Of every field: one type or the other, and what is neither gives the fallback. */
static void ask_fields(const json_t *message)
{
	const char *key;
	json_t *value;

	json_object_foreach ((json_t *)(uintptr_t)message, key, value) {
		FUZZ_CHECK(!protocol_text(message, key) == !json_is_string(value));
		FUZZ_CHECK(json_is_integer(value) || protocol_number(message, key, -77) == -77);
	}
}

/* Prints the message, which goes with that, and reads it; the object, to be freed. */
static json_t *say_again(json_t *message, char **line, size_t *len)
{
	char why[PROTOCOL_WHY_MAX];
	uint8_t *copy;
	json_t *again;

	*line = protocol_print(message, len);
	FUZZ_CHECK(*line && *len > 0 && memchr(*line, '\n', *len) == *line + *len - 1);
	copy = input_copy((const uint8_t *)*line, *len - 1);
	again = protocol_read((const char *)copy, *len - 1, why);
	free(copy);
	FUZZ_CHECK(again);
	return again;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char why[PROTOCOL_WHY_MAX] = "", *line[2];
	uint8_t *copy = input_copy(data, size);
	json_t *message = protocol_read((const char *)copy, size, why);
	size_t len[2];

	free(copy);
	if (!message) {
		check_why(why);
		return 0;
	}
	check_command(protocol_command(message));
	ask_fields(message);
	message = say_again(say_again(message, &line[0], &len[0]), &line[1], &len[1]);
	FUZZ_CHECK(len[0] == len[1] && memcmp(line[0], line[1], len[0]) == 0);
	free(line[0]);
	free(line[1]);
	protocol_set_error(message, 1, "%s", protocol_command(message));
	message = say_again(message, &line[0], &len[0]);
	FUZZ_CHECK(protocol_text(message, "error") && protocol_number(message, "exit", 0) == 1);
	json_decref(message);
	free(line[0]);
	return 0;
}
