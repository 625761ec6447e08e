/* suite.h - the main() of a unit test program: one CUnit suite, one table of tests.
 *
 *   SUITE("addr", { "parses IPv4", parses_v4 }, ...);
 *
 * Arguments: none. Prints CUnit's report; exit status 1 if anything failed.
 */
#ifndef UNIT_SUITE_H
#define UNIT_SUITE_H

#include <CUnit/Basic.h>
#include <stdlib.h>

struct suite_test {
	const char *name;
	void (*run)(void);
};

#define SUITE(title, ...)                                                                                    \
	int main(void)                                                                                       \
	{                                                                                                    \
		static const struct suite_test tests[] = { __VA_ARGS__ };                                    \
		CU_pSuite suite;                                                                             \
		unsigned failed = 1;                                                                         \
		size_t i;                                                                                    \
                                                                                                             \
		if (CU_initialize_registry() != CUE_SUCCESS)                                                 \
			return EXIT_FAILURE;                                                                 \
		suite = CU_add_suite(title, NULL, NULL);                                                     \
		for (i = 0; suite && i < sizeof(tests) / sizeof(tests[0]); i++)                              \
			if (!CU_add_test(suite, tests[i].name, tests[i].run))                                \
				return EXIT_FAILURE;                                                         \
		CU_basic_set_mode(CU_BRM_NORMAL);                                                            \
		CU_basic_run_tests();                                                                        \
		if (CU_get_number_of_tests_run() > 0)                                                        \
			failed = CU_get_number_of_failures();                                                \
		CU_cleanup_registry();                                                                       \
		return failed ? EXIT_FAILURE : EXIT_SUCCESS;                                                 \
	}

#endif
