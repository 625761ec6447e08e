/* keys.c - the table of blocks and keys, and finding a name in it. */
#include "conf/keys.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "conf/build.h"
#include "conf/conf.h"
#include "postern/action.h"

const struct block_info block_infos[BLOCK_KINDS] = {
	[BLOCK_ROOT] = { "", false, "Keys outside of any block." },
	[BLOCK_UPSTREAM] = { "upstream", true,
	        "Hosts that deliver mail to us and pass on what others wrote: the ISP's, and forwarders that "
	        "keep "
	        "the sender, who may well be one of us. They are not asked for their names (sender.spoof, "
	        "helo.forged). Only a rule lets them in." },
	[BLOCK_SERVERS] = { "servers", true, "Mail servers of ours: here relaying is judged." },
	[BLOCK_NETWORK] = { "network", true, "Any other addresses that rules want to name." },
	[BLOCK_RULE] = { "rule", true,
	        "What happens to connections to one of the ports. Rules are tried in the order of the file, "
	        "the "
	        "first that matches decides." },
	[BLOCK_RELAY] = { "relay", false, "What is done about relay attempts, in mode enforce." },
	[BLOCK_SMUGGLING] = { "smuggling", false,
	        "What is done, in mode enforce, about commands hidden in a body behind an end that only some "
	        "servers take for "
	        "one." },
	[BLOCK_SLOW] = { "slow", false,
	        "The tar pit: for whom the action is slow, the server's 5xx replies (not those to an end of "
	        "data) "
	        "arrive late, in mode enforce. Upstreams, servers and authenticated clients never wait, home "
	        "and "
	        "may-relay only where a volume block or a behaviour says slow." },
	[BLOCK_VOLUME] = { "volume", true,
	        "How much mail some clients may send, each one on its own. The first block of the file that "
	        "a client "
	        "matches counts it, of those with the same key. Upstreams are never counted, servers only by "
	        "a block that names "
	        "them, not merely any or home. Counts belong to the title and key of a block: under another "
	        "one they begin anew." },
	[BLOCK_REJECTS] = { "rejects", false,
	        "Sources of whose recipients so many are refused that no human writes (volume.rejects): "
	        "Wald's sequential test, answer by answer." },
	[BLOCK_FANOUT] = { "fanout", false,
	        "Clients of ours that talk to many different mail hosts (volume.fanout)." },
	[BLOCK_TARGET] = { "target", false,
	        "Many sources at one recipient or server (volume.target): nobody is punished for being one "
	        "of many." },
	[BLOCK_HARVEST] = { "harvest", false, "Recipients tried from a dictionary, VRFY, EXPN (harvest)." },
	[BLOCK_BACKSCATTER] = { "backscatter", false,
	        "Floods of mail from the null sender (backscatter): inward our name is misused, which is "
	        "told of "
	        "the server or recipient, outward a host or server of ours bounces spam, named or not." },
	[BLOCK_AUTH_GUESS] = { "auth-guess", false, "Sources that try passwords (auth.guess)." },
	[BLOCK_REPUTATION] = { "reputation", false,
	        "Remote servers whose replies name a blocklist (reputation): an address of ours is on it, "
	        "and this client of ours was refused." },
	[BLOCK_WATCH] = { "watch", false, "What is remembered of sources, and when their incidents end." },
	[BLOCK_LADDER] = { "ladder", false,
	        "The rungs of the action climb, and the times of the actions slow and limit: a source is "
	        "slowed, then limited, then blocked, each when it goes on although the rung before has been "
	        "in force for a while (a tenth of its time, or as long as the rule measures); whatever is "
	        "done ends by itself." },
	[BLOCK_SUPPRESS] = { "suppress", true,
	        "Findings that you know and want to hear nothing of: they are counted (postern status, "
	        "postern "
	        "incidents --suppressed), but not told, and no source is blocked, limited or slowed for "
	        "them. "
	        "What relay, smuggling and rules do to a connection is done all the same. The first block "
	        "that "
	        "matches counts. What is about the gate itself is never suppressed." },
	[BLOCK_DATA] = { "data", false,
	        "How much of the bodies of mails is read. What is not read does not even leave the kernel, "
	        "and what "
	        "is hidden in it is found, if at all, by the server's answers." },
	[BLOCK_BLOCK] = { "block", false,
	        "Clients that are cut off from the ports, by postern block or by an action." },
	[BLOCK_QUEUE] = { "queue", false, "The kernel queue through which packets come to the daemon." },
	[BLOCK_NFT] = { "nft", false, "The nftables table of ours." },
	[BLOCK_DNS] = { "dns", false, "How the names of upstreams are looked up." },
	[BLOCK_DNSBL] = { "dnsbl", false,
	        "DNS lists (real-time blocklists) that strangers are looked up in, once a server of ours has "
	        "greeted them: never home, upstreams, servers, private addresses. dns.server is asked; "
	        "dns.require-dnssec does not apply, since most lists are not signed." },
	[BLOCK_LOG] = { "log", false, "Event records." },
	[BLOCK_PRIVACY] = { "privacy", false,
	        "Whether records say whose address it was. A hash is keyed (privacy.key, beside the store; "
	        "without one in the folder of STATE_DIRECTORY, or for one run alone) "
	        "and "
	        "the same for the same local part; domains, the null sender and postmaster stay readable. "
	        "What was "
	        "written before stays as it is." },
	[BLOCK_STORE] = { "store", false, "What outlives posternd: blocks, incidents, who delivers." },
	[BLOCK_CONTROL] = { "control", false, "The socket through which postern(8) asks posternd." },
};

const struct key_type_info key_types[KEY_TYPES] = {
	[KEY_WORD] = { "one of", false },
	[KEY_YESNO] = { "yes or no", false },
	[KEY_NUMBER] = { "number", false },
	[KEY_DECIMAL] = { "number, also with a point", false },
	[KEY_COUNT] = { "auto or a number", false },
	[KEY_MASK] = { "number with four neighbouring bits set", false },
	[KEY_DURATION] = { "duration with unit s, m, h or d", false },
	[KEY_NAME] = { "letters, digits, _ and -, a letter first", false },
	[KEY_LOGFILE] = { "absolute path", false },
	[KEY_RECEIVER] = { "no, yes, or udp://ADDRESS:PORT, tcp://ADDRESS:PORT, unix:///PATH", false },
	[KEY_BUDGET] = { "amount/time as 600/1m, or 0; times from 1s to 1d", false },
	[KEY_SIZE] = { "amount as 256M, or 0", false },
	[KEY_LISTFILE] = { "path, beside the configuration file unless absolute", false },
	[KEY_SOCKET] = { "absolute path", false },
	[KEY_FILE] = { "absolute path", false },
	[KEY_RESOLVERS] = { "list of addresses, with @ and a port where it is not 53", true },
	[KEY_LISTS] = { "list of domains, with = and return codes behind it where others than 127.0.0.2 to "
	                "127.0.0.254 count",
	        true },
	[KEY_PORTS] = { "list of TCP ports", true },
	[KEY_HOOKS] = { "list of", true },
	[KEY_PREFIXES] = { "list of addresses and prefixes", true },
	[KEY_HOSTS] = { "list of host names", true },
	[KEY_DOMAINS] = { "list of domains", true },
	[KEY_GROUPS] = { "list of any, home, self, servers, titles, addresses and prefixes", true },
	[KEY_RULES] = { "list of rules of findings, by name or number, or all", true },
	[KEY_TIME] = { "time as in RFC 3339, or a day, or none", false },
	[KEY_TEXT] = { "text", false },
	[KEY_PER] = { "prefix lengths of IPv4 (8 to 32) and IPv6 (16 to 128)", false },
	[KEY_LIMIT] = { "a number and a time, like 20/10m", false },
	[KEY_LIMITS] = { "list of up to 4 numbers, each with a time, like 100/1m", true },
	[KEY_BYTE_LIMITS] = { "list of up to 4 numbers of bytes (k, M and G are 1024 and so on), each with a "
	                      "time, like 500M/1h",
	        true },
	[KEY_INCLUDE] = { "path, beside the configuration file unless absolute", false },
};

static const char *const mode_words[] = { POLICY_MODE_NAMES, NULL };
static const char *const do_words[] = { POLICY_DO_NAMES, NULL };
static const char *const action_words[] = { ACTION_RELAY_NAMES, NULL };
static const char *const smuggling_words[] = { "alert", "reset", NULL };
static const char *const watch_words[] = { POLICY_WATCH_NAMES, NULL };
static const char *const dnsbl_words[] = { "alert", "slow", "refuse-session", NULL };
static const char *const watching_words[] = { "alert", "slow", "limit", "refuse-session", "block", "climb",
	NULL };
static const char *const volume_key_words[] = { VOLUME_KEY_NAMES, NULL };
static const char *const fail_words[] = { CONF_FAIL_NAMES, NULL };
static const char *const syslog_words[] = { CONF_SYSLOG_NAMES, NULL };
static const char *const privacy_words[] = { "keep", "hash", NULL };
static const char *const hook_words[] = { CONF_HOOK_NAMES, NULL };

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
static_assert(COUNT(mode_words) == MODE_COUNT + 1, "a word for each mode");
static_assert(COUNT(do_words) == DO_COUNT + 1, "a word for each decision");
static_assert(COUNT(watch_words) == WATCH_COUNT + 1, "a word for each way to watch");
static_assert(COUNT(volume_key_words) == VOLUME_KEY_COUNT + 1, "a word for each key");
static_assert(
        (int)BLOCK_REPUTATION - (int)BLOCK_REJECTS + 1 == (int)BEHAVIOUR_COUNT, "a block for each behaviour");
static_assert(COUNT(hook_words) == CONF_HOOK_COUNT + 1, "a word for each hook");
static_assert(COUNT(action_words) == ACTION_RELAY_COUNT + 1, "a word for each action");

/* clang-format off */
#define WORDS(w) .words = (w), .set = value_word
#define DRAFT(field) .offset = offsetof(struct draft, field)
#define TITLED(field) .offset = offsetof(struct block, field)
/* What volume blocks and behaviours have in common. */
#define WATCHED(block, action_place, block_for_place) \
	{ block, "action", KEY_WORD, "alert", .words = watching_words, .set = value_action, action_place, \
	  .help = "In mode enforce: slow holds the server's refusals back, limit lets the source open few connections a minute, " \
	          "refuse-session greets it with 554, block cuts it off; climb is slow, then limit, then block, each when it goes on (ladder). " \
	          "Upstreams and servers are never punished, shared addresses never blocked." }, \
	{ block, "except", KEY_GROUPS, NULL, .set = watching_except, \
	  .help = "Clients that are not meant." }, \
	{ block, "block-for", KEY_DURATION, "1h", 1, 365 * 86400, .set = value_duration, block_for_place, \
	  .help = "How long the actions block and refuse-session keep a source off; climb takes ladder.block-for." }
#define BEHAVIOUR(block, n) \
	{ block, "enabled", KEY_YESNO, "yes", .set = value_yesno, DRAFT(behaviour_on[n]), \
	  .help = "Whether it is looked for." }, \
	{ block, "match", KEY_GROUPS, NULL, .set = watching_match, \
	  .help = "Clients that are meant. Without any, all; servers of ours are a source only where they are named." }, \
	WATCHED(block, DRAFT(behaviour_action[n]), DRAFT(behaviour_block_for[n]))
#define LIMIT_OF(block, name, default, least, field, text) \
	{ block, name, KEY_LIMIT, default, least, VOLUME_MOST_MAX, .set = watching_limit, \
	  .offset = offsetof(struct behaviour_rule, field), .help = (text) }
#define LIMIT(block, default, text) LIMIT_OF(block, "limit", default, 1, limit, text)
#define OTHER_LIMIT(block, name, default, text) LIMIT_OF(block, name, default, 0, other, text " 0 sets no such limit.")
#define THIRD_LIMIT(block, name, default, text) LIMIT_OF(block, name, default, 0, third, text " 0 sets no such limit.")

const struct key keys[] = {
	{ BLOCK_ROOT, "mode", KEY_WORD, "monitor", WORDS(mode_words), DRAFT(mode),
	  .help = "monitor observes and refuses nothing; enforce acts." },
	{ BLOCK_ROOT, "home", KEY_PREFIXES, NULL, .set = group_home,
	  .help = "Our own clients: they may relay through our servers." },
	{ BLOCK_ROOT, "not-home", KEY_PREFIXES, NULL, .set = group_not_home,
	  .help = "Addresses inside home that are not ours to trust: masquerading boxes, load balancers." },
	{ BLOCK_ROOT, "ports", KEY_PORTS, "25", .min = 1, .max = UINT16_MAX, .set = value_port,
	  .help = "Ports that are guarded, up to 16. 587 and 465 are refused here: submission stays open." },
	{ BLOCK_ROOT, "otherwise", KEY_WORD, "refuse", WORDS(do_words), DRAFT(otherwise),
	  .help = "What happens to connections that no rule names." },
	{ BLOCK_ROOT, "never-block", KEY_GROUPS, NULL, .set = group_never_block,
	  .help = "Who is never blocked, neither by an action nor by hand, beside upstreams, servers and the gateway itself." },
	{ BLOCK_ROOT, "shared", KEY_GROUPS, NULL, .set = watching_shared,
	  .help = "Addresses with many clients behind them (NAT, carrier-grade NAT): actions limit them in place of blocking them, relay.action = block "
	          "refuses their sessions. By hand they can be blocked." },
	{ BLOCK_ROOT, "include", KEY_INCLUDE, NULL,
	  .help = "Reads another file here. Written as include(\"file\"), outside of blocks." },

	{ BLOCK_UPSTREAM, "addresses", KEY_PREFIXES, NULL, .set = group_address,
	  .help = "Where the hosts are, as far as it is known for certain." },
	{ BLOCK_UPSTREAM, "mx-of", KEY_HOSTS, NULL, .set = group_mx_of,
	  .help = "Domains whose MX they are. These three are looked up in the DNS, and followed when it changes." },
	{ BLOCK_UPSTREAM, "spf-of", KEY_HOSTS, NULL, .set = group_spf_of,
	  .help = "Domains whose SPF record names them: ip4, ip6, a, mx, include, redirect." },
	{ BLOCK_UPSTREAM, "hosts", KEY_HOSTS, NULL, .set = group_hosts,
	  .help = "Their host names." },
	{ BLOCK_UPSTREAM, "grace", KEY_DURATION, "24h", 0, 365 * 86400, .set = value_duration, .offset = offsetof(struct block, grace_s),
	  .help = "Addresses that have left the DNS may still deliver for so long; connections that are open then go on." },
	{ BLOCK_UPSTREAM, "allow-private", KEY_YESNO, "no", .set = value_yesno, .offset = offsetof(struct block, allow_private),
	  .help = "Takes private, loopback and link-local addresses from the DNS, too." },
	{ BLOCK_UPSTREAM, "resolver", KEY_RESOLVERS, NULL, .set = group_resolver,
	  .help = "DNS servers for this upstream in place of dns.server, where another view of the DNS is needed." },

	{ BLOCK_SERVERS, "addresses", KEY_PREFIXES, NULL, .set = group_address,
	  .help = "Addresses of the servers as the gateway sees them. No address may be in two servers blocks." },
	{ BLOCK_SERVERS, "public", KEY_PREFIXES, NULL, .set = group_public,
	  .help = "Their addresses as the world sees them; recipients like user@[203.0.113.5] are ours then." },
	{ BLOCK_SERVERS, "names", KEY_HOSTS, NULL, .set = group_name,
	  .help = "Their host names; recipients there are ours." },
	{ BLOCK_SERVERS, "domains", KEY_DOMAINS, NULL, .set = group_domain,
	  .help = "Domains they take mail for. A leading dot means every subdomain, but not the domain itself." },
	{ BLOCK_SERVERS, "domains-file", KEY_LISTFILE, NULL, .set = group_domains_file,
	  .help = "More domains, one a line, # begins a comment. posternd takes a changed file by itself. "
	          "It must be readable for its owner root or for all: the service runs without the right to pass over file modes." },
	{ BLOCK_SERVERS, "may-relay", KEY_PREFIXES, NULL, .set = group_may_relay,
	  .help = "Clients outside of home that may relay through these servers." },

	{ BLOCK_NETWORK, "addresses", KEY_PREFIXES, NULL, .set = group_address,
	  .help = "What belongs to the network." },
	{ BLOCK_NETWORK, "file", KEY_LISTFILE, NULL, .set = group_file,
	  .help = "More addresses and prefixes, one a line, # begins a comment. posternd takes a changed file by itself. "
	          "It must be readable as a domains-file must." },

	{ BLOCK_RULE, "from", KEY_GROUPS, NULL, .set = group_from,
	  .help = "Clients. Any member matches. self is the gateway, whatever its addresses are." },
	{ BLOCK_RULE, "to", KEY_GROUPS, NULL, .set = group_to,
	  .help = "Servers. Any member matches." },
	{ BLOCK_RULE, "do", KEY_WORD, "inspect", WORDS(do_words), .offset = offsetof(struct block, what),
	  .help = "inspect lets the connection through and reads it; refuse resets it; drop leaves it unanswered; "
	          "refuse-session lets it through up to the greeting, which becomes 554." },

	{ BLOCK_RELAY, "action", KEY_WORD, "alert", WORDS(action_words), DRAFT(relay_action),
	  .help = "For recipients in foreign domains. Anything but alert needs domains in every servers block." },
	{ BLOCK_RELAY, "tricks", KEY_WORD, "alert", WORDS(action_words), DRAFT(relay_tricks),
	  .help = "For foreign recipients behind a domain of ours (percent, bang and other forms): often honest." },
	{ BLOCK_RELAY, "block-for", KEY_DURATION, "1h", 1, 365 * 86400, .set = value_duration, DRAFT(relay_block_for),
	  .help = "How long the action block keeps a client off." },
	{ BLOCK_RELAY, "max-refusals", KEY_NUMBER, "3", 0, 100, "recipients", .set = value_number, DRAFT(max_refusals),
	  .help = "Refused or deferred in one connection; from the next one on its transactions are deferred whole." },

	{ BLOCK_SMUGGLING, "action", KEY_WORD, "alert", WORDS(smuggling_words), DRAFT(smuggling_reset),
	  .help = "reset ends the connection before the commands arrive. The client keeps the mail and tries again until it gives up." },

	{ BLOCK_SLOW, "hold", KEY_DURATION, "8s", 1, 10, .set = value_duration, DRAFT(slow_hold),
	  .help = "How long each refusal is held. A server under load may hang up on clients that are silent for ten seconds." },
	{ BLOCK_SLOW, "session", KEY_DURATION, "1m", 1, 60, .set = value_duration, DRAFT(slow_session),
	  .help = "How long all refusals of a connection are held together; those behind it pass at once." },
	{ BLOCK_SLOW, "packets", KEY_NUMBER, "256", 1, CONF_HELD_MAX, "packets", .set = value_number, DRAFT(slow_packets),
	  .help = "Held at once, by each worker, and never more than a quarter of queue.length: the rest is for those who do not wait. "
	          "Beyond that, the one with the least time left is let go." },

	{ BLOCK_VOLUME, "match", KEY_GROUPS, NULL, .set = watching_match,
	  .help = "Clients that are counted. Any member matches." },
	WATCHED(BLOCK_VOLUME, TITLED(volume_action), TITLED(volume_block_for)),
	{ BLOCK_VOLUME, "per", KEY_PER, "32/64", .set = volume_per,
	  .help = "How much of an address is one source. What is done about it is done to all of that, and never to more. Under another length counts begin anew." },
	{ BLOCK_VOLUME, "key", KEY_WORD, "source", WORDS(volume_key_words), TITLED(volume_key),
	  .help = "What is counted for itself: each source; each envelope sender, and each user that has authenticated, from whatever source of the block (in clear: what TLS hides is not seen)." },
	{ BLOCK_VOLUME, "messages", KEY_LIMITS, NULL, 1, VOLUME_MOST_MAX, .set = volume_limits,
	  .help = "Mails that were accepted. More than 100 within any minute pass \"100/1m\"; up to 7d." },
	{ BLOCK_VOLUME, "recipients", KEY_LIMITS, NULL, 1, VOLUME_MOST_MAX, .set = volume_limits,
	  .help = "Recipients that were accepted." },
	{ BLOCK_VOLUME, "connections", KEY_LIMITS, NULL, 1, VOLUME_MOST_MAX, .set = volume_limits,
	  .help = "Connections that a server has greeted, TLS or not." },
	{ BLOCK_VOLUME, "bytes", KEY_BYTE_LIMITS, NULL, 1, VOLUME_BYTES_MAX, .set = volume_limits,
	  .help = "What the client has sent, TLS or not, counted at the end of each connection." },
	{ BLOCK_VOLUME, "destinations", KEY_LIMITS, NULL, 1, VOLUME_DESTINATIONS_MAX, .set = volume_limits,
	  .help = "Different servers, 50000 at most." },
	{ BLOCK_VOLUME, "max-rcpt", KEY_NUMBER, "0", 0, VOLUME_MOST_MAX, "recipients", .set = value_number, TITLED(volume_max_rcpt),
	  .help = "Of one mail; 0 is any number." },
	{ BLOCK_VOLUME, "spike", KEY_DECIMAL, "5", 0, 1000, "times", .decimals = 1, .set = value_decimal, TITLED(volume_spike),
	  .help = "So far above what a source usually sends, measured in its own spread, is volume.spike; 0 learns nothing." },
	{ BLOCK_VOLUME, "spike-floor", KEY_NUMBER, "20", 0, VOLUME_MOST_MAX, "recipients an hour", .set = value_number, TITLED(volume_spike_floor),
	  .help = "Below that nothing is a spike, however quiet a source usually is." },

	BEHAVIOUR(BLOCK_REJECTS, BEHAVIOUR_REJECTS),
	{ BLOCK_REJECTS, "honest", KEY_DECIMAL, "10", 1, 998, "percent", .decimals = 1, .set = value_decimal, DRAFT(rejects_honest),
	  .help = "Share of the recipients of people that servers refuse." },
	{ BLOCK_REJECTS, "bad", KEY_DECIMAL, "50", 2, 999, "percent", .decimals = 1, .set = value_decimal, DRAFT(rejects_bad),
	  .help = "Likewise of machines that guess or have old lists; above honest." },
	{ BLOCK_REJECTS, "false-alarm", KEY_DECIMAL, "0.001", 1, 100000, "percent", .decimals = 4, .set = value_decimal, DRAFT(rejects_false_alarm),
	  .help = "So many people may be taken for machines: the smaller, the more answers it takes." },
	{ BLOCK_REJECTS, "miss", KEY_DECIMAL, "1", 1, 500000, "percent", .decimals = 4, .set = value_decimal, DRAFT(rejects_miss),
	  .help = "So many machines may be taken for people, until they go on." },

	BEHAVIOUR(BLOCK_FANOUT, BEHAVIOUR_FANOUT),
	LIMIT(BLOCK_FANOUT, "20/10m", "Different servers that one source may talk to within any such time."),
	OTHER_LIMIT(BLOCK_FANOUT, "long-limit", "100/1d", "Likewise, over a longer time."),
	BEHAVIOUR(BLOCK_TARGET, BEHAVIOUR_TARGET),
	LIMIT(BLOCK_TARGET, "50/10m", "Different sources that may write to one recipient within any such time."),
	OTHER_LIMIT(BLOCK_TARGET, "server-limit", "5000/10m", "Likewise to one server."),
	BEHAVIOUR(BLOCK_HARVEST, BEHAVIOUR_HARVEST),
	LIMIT(BLOCK_HARVEST, "20/10m", "Recipients that one source may try in vain, VRFY and EXPN among them."),
	OTHER_LIMIT(BLOCK_HARVEST, "long-limit", "100/1d", "Likewise, over a longer time."),
	{ BLOCK_HARVEST, "share", KEY_DECIMAL, "25", 0, 1000, "percent", .decimals = 1, .set = value_decimal, DRAFT(harvest_share),
	  .help = "Of what a source tries, so much is in vain before it counts; 0 asks for no share." },
	BEHAVIOUR(BLOCK_BACKSCATTER, BEHAVIOUR_BACKSCATTER),
	LIMIT(BLOCK_BACKSCATTER, "100/1h", "Mails from the null sender, and more than their share."),
	{ BLOCK_BACKSCATTER, "share", KEY_DECIMAL, "20", 0, 1000, "percent", .decimals = 1, .set = value_decimal, DRAFT(backscatter_share),
	  .help = "Of all mail, so much may be from the null sender; 0 asks for no share." },
	OTHER_LIMIT(BLOCK_BACKSCATTER, "recipient-limit", "50/1h", "Likewise to one recipient."),
	BEHAVIOUR(BLOCK_AUTH_GUESS, BEHAVIOUR_AUTH),
	LIMIT(BLOCK_AUTH_GUESS, "10/10m", "Refused logins of one source."),
	OTHER_LIMIT(BLOCK_AUTH_GUESS, "user-limit", "10/1h", "Different users that one source, or its network, may try."),
	THIRD_LIMIT(BLOCK_AUTH_GUESS, "source-limit", "10/1h", "Different sources outside of home that may try one user."),
	BEHAVIOUR(BLOCK_REPUTATION, BEHAVIOUR_REPUTATION),
	LIMIT(BLOCK_REPUTATION, "1/1h", "Replies that name a blocklist; the next one is told."),

	{ BLOCK_WATCH, "sources", KEY_NUMBER, "65536", 1000, 1 << 22, "sources", .set = value_number, DRAFT(watch_sources),
	  .help = "Remembered at once. When there is no room, the one that has done least, and long ago, leaves. "
	          "Volume blocks have room for half as many times at which something was done, 524288 at the least; who has to leave "
	          "there before his windows are over is told in the log and by postern status." },
	{ BLOCK_WATCH, "quiet", KEY_DURATION, "10m", 10, 86400, .set = value_duration, DRAFT(watch_quiet),
	  .help = "An incident ends when nothing has been found for so long; what is found then is another one. How a host simply talks (old TLS, and the "
	          "like) is one for a day, whatever this says." },

	{ BLOCK_LADDER, "slow-for", KEY_DURATION, "10m", 1, 30 * 86400, .set = value_duration, DRAFT(ladder_slow_for),
	  .help = "How long a source is slowed, from its last finding on." },
	{ BLOCK_LADDER, "limit-for", KEY_DURATION, "1h", 1, 30 * 86400, .set = value_duration, DRAFT(ladder_limit_for),
	  .help = "Likewise limited." },
	{ BLOCK_LADDER, "block-for", KEY_DURATION, "1h", 1, 365 * 86400, .set = value_duration, DRAFT(ladder_block_for),
	  .help = "Likewise blocked, by climb." },
	{ BLOCK_LADDER, "rate", KEY_NUMBER, "10", 1, 100000, "connections a minute", .set = value_number, DRAFT(ladder_rate),
	  .help = "What a limited source may still open, a quarter of them at once; the kernel refuses more. Its open connections go on." },
	{ BLOCK_LADDER, "calm", KEY_DURATION, "1h", 1, 365 * 86400, .set = value_duration, DRAFT(ladder_calm),
	  .help = "For so long behind its end a source remembers the rung: who is found again then, is on it again. Each further such time is one rung down." },

	{ BLOCK_SUPPRESS, "rule", KEY_RULES, NULL, .set = suppress_rule,
	  .help = "Which findings, like starttls.unused or 1025415; without it all of the sources." },
	{ BLOCK_SUPPRESS, "source", KEY_GROUPS, NULL, .set = suppress_source,
	  .help = "Of which clients, or of which servers, where it is told of a server or mailbox that many are at; without it of any." },
	{ BLOCK_SUPPRESS, "until", KEY_TIME, NULL, .set = suppress_until,
	  .help = "From then on they are told again. \"2026-12-31\" is the end of that day in UTC; without it, or with none, there is no end." },
	{ BLOCK_SUPPRESS, "reason", KEY_TEXT, NULL, .set = suppress_reason,
	  .help = "Why; has to be given. For those who ask later." },

	{ BLOCK_DATA, "watch", KEY_WORD, "all", WORDS(watch_words), DRAFT(data_watch),
	  .help = "How much of each body is read: all, its first 64 KiB, or none. Less than all only from trusted clients: commands hidden in "
	          "the rest reach the server before they are noticed, and with none records have no Message-ID." },
	{ BLOCK_DATA, "trusted", KEY_GROUPS, NULL, .set = group_trusted,
	  .help = "Clients of whose bodies less than all may be read: those who have no wish to hide commands in them." },

	{ BLOCK_BLOCK, "size", KEY_NUMBER, "65536", 16, CONF_BLOCKS_MAX, "blocks", .set = value_number, DRAFT(block_size),
	  .help = "Blocks that can be in force at once, hosts and prefixes together. When there is no room, of those that an action made the one that ends soonest gives way; the operator's never do." },

	{ BLOCK_QUEUE, "number", KEY_NUMBER, "2500", 0, UINT16_MAX, "", .set = value_number, DRAFT(queue_number),
	  .help = "NFQUEUE number of the first worker, the others have those behind it; nobody else may listen on them." },
	{ BLOCK_QUEUE, "workers", KEY_COUNT, "auto", 1, CONF_WORKERS_MAX, "", .set = value_count, DRAFT(queue_workers),
	  .help = "Threads that inspect, each with a queue of its own; a connection stays with one. auto is one for each CPU." },
	{ BLOCK_QUEUE, "length", KEY_NUMBER, "16384", 64, 1048576, "packets", .set = value_number, DRAFT(queue_length),
	  .help = "Packets the kernel keeps for each worker; beyond that it drops, and TCP sends again." },
	{ BLOCK_QUEUE, "fail", KEY_WORD, "open", WORDS(fail_words), DRAFT(queue_fail),
	  .help = "When nobody listens on the queue: open lets packets pass, closed drops them." },

	{ BLOCK_NFT, "table", KEY_NAME, "postern", .set = value_name, DRAFT(nft_table),
	  .help = "Name of the table, in family inet." },
	{ BLOCK_NFT, "priority", KEY_NUMBER, "-5", -400, 400, "", .set = value_number, DRAFT(nft_priority),
	  .help = "Priority of the first chain; the second one is right behind it." },
	{ BLOCK_NFT, "mark-mask", KEY_MASK, "0x0f000000", .set = value_mask, DRAFT(nft_mark_mask),
	  .help = "Bits of the packet and connection marks that are ours. No other bit is changed." },
	{ BLOCK_NFT, "hooks", KEY_HOOKS, "forward, input, output", .words = hook_words, .set = value_hook, DRAFT(nft_hooks),
	  .help = "Where port 25 is guarded: what passes the gateway, what comes to it, what it sends. Loopback never is." },
	{ BLOCK_NFT, "bridge", KEY_YESNO, "no", .set = value_yesno, DRAFT(nft_bridge),
	  .help = "Bridges of this machine carry mail, too. The rules see it through br_netfilter and its switches in net.bridge; where they are off, it is told." },
	{ BLOCK_NFT, "drop-invalid", KEY_YESNO, "no", .set = value_yesno, DRAFT(nft_drop_invalid),
	  .help = "In mode enforce, drops what the kernel's connection tracking calls invalid before it is read. Not where the two directions take different ways." },
	{ BLOCK_NFT, "own", KEY_YESNO, "yes", .set = value_yesno, DRAFT(nft_own),
	  .help = "Asks the kernel (Linux 6.9 and later) to let no other program change the table while posternd runs. Elsewhere, or with no, changes are repaired." },

	{ BLOCK_DNS, "server", KEY_RESOLVERS, NULL, .set = dns_server,
	  .help = "DNS servers to ask. Without any, those of /etc/resolv.conf." },
	{ BLOCK_DNS, "trust-anchor", KEY_FILE, "/usr/share/dns/root.key", .set = value_file, DRAFT(dns_trust_anchor),
	  .help = "Keys that DNSSEC begins with. An empty string validates nothing." },
	{ BLOCK_DNS, "require-dnssec", KEY_YESNO, "no", .set = value_yesno, DRAFT(dns_require_dnssec),
	  .help = "Takes validated answers only: none of unsigned domains, and none through servers that strip DNSSEC." },
	{ BLOCK_DNS, "refresh", KEY_DURATION, "30s", 1, 86400, .set = value_duration, DRAFT(dns_refresh),
	  .help = "No name is looked up again sooner, however short its TTL is." },

	{ BLOCK_DNSBL, "zones", KEY_LISTS, NULL, .set = dnsbl_zone,
	  .help = "The lists, up to 8. \"bl.example.net=127.0.0.2,127.0.0.4-11\" counts these codes alone. "
	          "A list is not used while it fails its test: 127.0.0.2 must be on it, 127.0.0.1 must not." },
	{ BLOCK_DNSBL, "action", KEY_WORD, "alert", .words = dnsbl_words, .set = value_action, DRAFT(dnsbl_action),
	  .help = "For sources that are listed, as long as the list's answer is remembered: slow holds the server's refusals back; "
	          "refuse-session greets them with 554, and ends the session that they have at its next recipient." },
	{ BLOCK_DNSBL, "cache-least", KEY_DURATION, "1m", 1, 86400, .set = value_duration, DRAFT(dnsbl_least),
	  .help = "An answer is remembered for its TTL, but not shorter than this." },
	{ BLOCK_DNSBL, "cache-most", KEY_DURATION, "1h", 1, 7 * 86400, .set = value_duration, DRAFT(dnsbl_most),
	  .help = "Nor longer than this." },
	{ BLOCK_DNSBL, "test", KEY_DURATION, "1h", 1, 7 * 86400, .set = value_duration, DRAFT(dnsbl_test),
	  .help = "Time between two tests of a list that has passed the last one; others are tested sooner." },
	{ BLOCK_DNSBL, "timeout", KEY_DURATION, "5s", 1, 60, .set = value_duration, DRAFT(dnsbl_timeout),
	  .help = "A question is given up after this. Nothing ever waits for its answer." },

	{ BLOCK_LOG, "eve", KEY_LOGFILE, "/var/log/postern/eve.json", .set = value_logfile, DRAFT(log_eve),
	  .help = "Event records as JSON lines. - is stdout, an empty string writes none." },
	{ BLOCK_LOG, "ecs", KEY_LOGFILE, NULL, .set = value_logfile, DRAFT(log_ecs),
	  .help = "The same records in the Elastic Common Schema, in a file of their own." },
	{ BLOCK_LOG, "cef", KEY_LOGFILE, NULL, .set = value_logfile, DRAFT(log_cef),
	  .help = "Alerts in the Common Event Format (ArcSight), in a file of their own." },
	{ BLOCK_LOG, "alerts-only", KEY_YESNO, "no", .set = value_yesno, DRAFT(log_alerts_only),
	  .help = "Leaves out the records of connections and transactions." },
	{ BLOCK_LOG, "syslog", KEY_RECEIVER, "no", .set = output_receiver, DRAFT(log_syslog),
	  .help = "Where alerts, audits among them, are sent as syslog messages; yes is /dev/log, and the port is 514 unless told. "
	          "A receiver that does not answer is tried again, up to 1 MiB of messages wait for it, and what is lost is counted." },
	{ BLOCK_LOG, "syslog-format", KEY_WORD, "rfc5424", WORDS(syslog_words), DRAFT(log_syslog_format),
	  .help = "rfc5424 has structured data; cef is a line of that format behind the header of RFC 5424." },
	{ BLOCK_LOG, "syslog-facility", KEY_WORD, "authpriv", WORDS(output_facility_words), DRAFT(log_syslog_facility),
	  .help = "Facility of the messages." },
	{ BLOCK_LOG, "per-source", KEY_BUDGET, "600/1m", 1, 1000000, "records", .set = output_budget, DRAFT(log_per_source),
	  .help = "Records of mail and connections of one source (an address, or a /64 of IPv6). What comes beyond is counted, and one record "
	          "for each source and time sums it up. Upstreams and servers are not limited, nor are alerts: incidents bound them." },
	{ BLOCK_LOG, "total", KEY_BUDGET, "64M/1m", 64 * 1024, INT64_C(1) << 40, "bytes", .set = output_budget, DRAFT(log_total),
	  .help = "Likewise all records of mail and connections together, in bytes of all files." },
	{ BLOCK_LOG, "keep-free", KEY_SIZE, "256M", 1024 * 1024, INT64_C(1) << 40, "bytes", .set = output_size, DRAFT(log_keep_free),
	  .help = "While a file system of these files has less than that free, the records of mail and connections are left out and summed up; "
	          "alerts and stats are still written. 0 fills it." },
	{ BLOCK_LOG, "stats", KEY_DURATION, "1m", 0, 7 * 86400, .set = value_duration, DRAFT(log_stats),
	  .help = "Time between two stats records; 0 writes none." },

	{ BLOCK_PRIVACY, "local-parts", KEY_WORD, "keep", WORDS(privacy_words), DRAFT(privacy_local_parts),
	  .help = "In smtp records, and in what postern why and postern seen tell: senders, recipients, replies that repeat them, Message-IDs." },
	{ BLOCK_PRIVACY, "alerts", KEY_WORD, "keep", WORDS(privacy_words), DRAFT(privacy_alerts),
	  .help = "In alerts, their evidence, and incidents, in the store too." },

	{ BLOCK_STORE, "path", KEY_FILE, "/var/lib/postern/postern.db", .set = value_file, DRAFT(store_path),
	  .help = "A SQLite file, in a folder that others cannot write in. An empty string keeps nothing: blocks then end with the kernel's." },
	{ BLOCK_STORE, "keep", KEY_DURATION, "90d", 3600, 3650 * 86400, .set = value_duration, DRAFT(store_keep),
	  .help = "What is over stays so long: incidents, blocks, acts, who delivered." },
	{ BLOCK_STORE, "keep-envelopes", KEY_DURATION, "7d", 0, 3650 * 86400, .set = value_duration, DRAFT(store_keep_envelopes),
	  .help = "Likewise what was seen of mails: envelopes, and lines of evidence that quote them. 0 keeps none; incidents that are open keep them in memory, for an hour at least." },

	{ BLOCK_CONTROL, "path", KEY_SOCKET, CONF_DEFAULT_SOCKET, .set = value_socket, DRAFT(control_path),
	  .help = "A Unix socket, made with mode 0660. An empty string makes none: then posternd runs and cannot be asked. Until the restart that a change takes, it is asked at the old one (postern reload --socket OLD)." },
	{ BLOCK_CONTROL, "group", KEY_NAME, "postern", .set = value_name, DRAFT(control_group),
	  .help = "Group of the socket: root and its members may ask and act. Without such a group root alone may." },
};
const size_t key_count = COUNT(keys);
/* clang-format on */

const struct key *key_next(enum block_kind block, const struct key *after)
{
	const struct key *k = after ? after + 1 : keys;

	for (; k < keys + key_count; k++)
		if (k->block == block)
			return k;
	return NULL;
}

const struct key *key_find(enum block_kind block, const char *name)
{
	const struct key *k = NULL;

	while ((k = key_next(block, k)))
		if (strcmp(k->name, name) == 0)
			return k;
	return NULL;
}

enum block_kind block_find(const char *name)
{
	unsigned kind;

	if (strcmp(name, "root") == 0)
		return BLOCK_ROOT;
	for (kind = BLOCK_ROOT + 1; kind < BLOCK_KINDS; kind++)
		if (strcmp(block_infos[kind].name, name) == 0)
			break;
	return kind;
}

char *key_label(const struct key *key, char buf[KEY_LABEL_MAX])
{
	const char *block = block_infos[key->block].name;

	snprintf(buf, KEY_LABEL_MAX, "%s%s%s", block, block[0] ? "." : "", key->name);
	return buf;
}
