/* test_conf_errors.c - every mistake is told with its file, line, cause and fix.
 *
 * The messages are compared whole: they are what people see, and a wrong line is as bad as none.
 */
#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "conf_files.h"
#include "suite.h"

struct mistake {
	const char *text;
	const char *messages; /* in order, one a line */
};

static const struct mistake errors[] = { { "include(\"mode.conf\")\nmode = monitor\n",
	                                         "t.conf:2: mode is set more than once; keep one of them" },
	{ "data { watch = 64k trusted = { home, any } }", "t.conf:1: any cannot be trusted: everybody could "
	                                                  "hide commands in bodies; name upstreams or other "
	                                                  "clients" },
	{ "mode = enfroce\n",
	        "t.conf:1: mode = \"enfroce\" is unknown; did you mean enforce? (one of: monitor, enforce)" },
	{ "server \"mail\" { addresses = { \"192.0.2.1\" } }\nserver = \"192.0.2.53\"\n"
	  "mynetworks = { \"10.0.0.0/8\" }\n"
	  "rule \"r\" { src = { any } dst = { any } }\n"
	  "rule \"s\" { from = { any } to = { any } action = inspect }\n"
	  "upstream \"i\" { mx = { isp.example } }\n",
	        "t.conf:1: unknown key \"server\"; did you mean servers?\n"
	        "t.conf:2: unknown key \"server\"; it belongs into a block: dns { server ... }\n"
	        "t.conf:3: unknown key \"mynetworks\"; did you mean home?\n"
	        "t.conf:4: unknown key \"src\" in rule; did you mean from?\n"
	        "t.conf:4: unknown key \"dst\" in rule; did you mean to?\n"
	        "t.conf:5: unknown key \"action\" in rule; did you mean do?\n"
	        "t.conf:6: unknown key \"mx\" in upstream; did you mean mx-of?" },
	{ "upstream \"i\" { addresses = { \"mail.isp.example\", \"10.x/8\", \"abc\" } }\n",
	        "t.conf:1: \"mail.isp.example\" is a name, no address; write hosts = { \"mail.isp.example\" "
	        "}, "
	        "or mx-of for a domain whose MX they are\n"
	        "t.conf:1: \"10.x/8\" is no address or prefix; write one like 192.0.2.1, 192.0.2.0/24 or "
	        "2001:db8::/32\n"
	        "t.conf:1: \"abc\" is no address or prefix; write one like 192.0.2.1, 192.0.2.0/24 or "
	        "2001:db8::/32" },
	{ "modus = monitor\n", "t.conf:1: unknown key \"modus\"; did you mean mode?" },
	{ "mode = \"monitor\n",
	        "t.conf:1: a string begins here and does not end in this line; add the closing quote" },
	{ "mode = \"monitor\nhome = { \"10.0.0.0/8\" }\n",
	        "t.conf:1: a string begins here and does not end in this line; add the closing quote" },
	{ "mode monitor\n", "t.conf:1: missing equal sign after option 'mode'; write KEY = VALUE" },
	{ "/* x\n"
	  "mode = monitor\n",
	        "t.conf:1: a comment begins here and never ends; add */" },
	{ "mode = monitor }\n", "t.conf:1: unexpected closing brace; nothing is open here; remove the }" },
	{ "home = { \"10.0.0.0/8\"\n",
	        "t.conf:1: a block or list begins here and is never closed; add the missing }" },
	{ "\nupstream \"isp\" {\n addresses = { \"192.0.2.1\" }\n\n",
	        "t.conf:2: a block or list begins here and is never closed; add the missing }" },
	{ "upstream \"isp\" {\n addresses = { \"192.0.2.1\" }\nservers \"m\" { addresses = { \"192.0.2.2\" } "
	  "}\n",
	        "t.conf:1: a block or list begins here and is never closed; add the missing }\n"
	        "t.conf:3: unknown key \"servers\" in upstream; it belongs outside of blocks; close the "
	        "block before it (it begins in line 1)" },
	{ "home = { \"10.0.0.0/8\",\n \"10.0.0.0/8\"\nmode = enforce\n",
	        "t.conf:3: unexpected token 'mode'; a comma is missing before it, as in { \"a\", \"b\" }; or "
	        "the { of line 1 lacks its }" },
	{ "servers \"a\" { addresses = { \"192.0.2.0/24\" } domain = { x.org } }\n"
	  "rule \"r\" { form = { any } to = { any } }\n"
	  "rule \"s\" { to = { any } }\n"
	  "relay { action = refuse-recipient }\n",
	        "t.conf:1: unknown key \"domain\" in servers; did you mean domains?\n"
	        "t.conf:2: unknown key \"form\" in rule; did you mean from?\n"
	        "t.conf:3: rule \"s\" has no from; add from = { ... } (any matches everything)" },
	{ "/* c */\n"
	  "# d\n"
	  "home = { # x\n"
	  " \"10.0.0.1/8\", /* y */\n"
	  " \"10.0.0.0/33\", \"abc\" }\n",
	        "t.conf:4: 10.0.0.1/8 has bits set behind the prefix; write 10.0.0.0/8, or 10.0.0.1 for the "
	        "one host\n"
	        "t.conf:5: \"10.0.0.0/33\" is no address or prefix; write one like 192.0.2.1, 192.0.2.0/24 "
	        "or 2001:db8::/32\n"
	        "t.conf:5: \"abc\" is no address or prefix; write one like 192.0.2.1, 192.0.2.0/24 or "
	        "2001:db8::/32" },
	{ "ports = { 25, 587, 465, 0, 70000, abc, 25 }\n",
	        "t.conf:1: port 587 is for mail submission by people who log in and always stays open; "
	        "remove it\n"
	        "t.conf:1: port 465 is for mail submission by people who log in and always stays open; "
	        "remove it\n"
	        "t.conf:1: \"0\" is no TCP port; write a number from 1 to 65535\n"
	        "t.conf:1: \"70000\" is no TCP port; write a number from 1 to 65535\n"
	        "t.conf:1: \"abc\" is no TCP port; write a number from 1 to 65535\n"
	        "t.conf:1: port 25 is listed twice; remove one" },
	{ "ports = {}\n", "t.conf:1: ports is an empty list; leave it out for the default (25)" },
	{ "ports = {1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17}",
	        "t.conf:1: more than 16 ports; remove some" },
	{ "mode = monitor\n"
	  "mode = enforce\n",
	        "t.conf:2: mode is set more than once; keep one of them" },
	{ "home = { \"10.0.0.0/8\" }\n"
	  "home = { \"11.0.0.0/8\" }\n",
	        "t.conf:2: home is set more than once; keep one of them, or add to a list with +=" },
	{ "home = { \"10.0.0.0/8\" }\n"
	  "home = { }\n",
	        "t.conf:1: home is set more than once; keep one of them, or add to a list with +=" },
	{ "upstream \"isp\" {\n"
	  "}\n",
	        "t.conf:1: upstream \"isp\" has no address; add addresses = { ... }, mx-of = { ... }, hosts "
	        "= { ... } or "
	        "spf-of = { ... }" },
	{ "upstream isp { addresses = { \"192.0.2.1\" } }\n"
	  "network \"isp\" { addresses = { \"192.0.2.1\" } }\n",
	        "t.conf:2: title \"isp\" is taken by upstream in t.conf:1; choose another one" },
	{ "upstream \"any\" { addresses = { \"192.0.2.1\" } }\n",
	        "t.conf:1: upstream \"any\" has the name of a built-in group; choose another title" },
	{ "upstream \"self\" { addresses = { \"192.0.2.1\" } }\n",
	        "t.conf:1: upstream \"self\" has the name of a built-in group; choose another title" },
	{ "upstream \"1 x\" { addresses = { \"192.0.2.1\" } }\n",
	        "t.conf:1: \"1 x\" cannot be a title; write up to 63 letters, digits, . _ and -, a letter "
	        "first" },
	{ "harvest = {\n action = block\n}\n",
	        "t.conf:1: harvest is a block without = and without a title; write harvest { ... }" },
	{ "fanout \"x\" { action = block }\n",
	        "t.conf:1: fanout is a block without = and without a title; write fanout { ... }" },
	{ "volume \"x\" { match = home\n recipients = { 100/1m 1000/1h } }\n",
	        "t.conf:2: unexpected token '1000/1h'; a comma is missing before it, as in { \"a\", \"b\" }; "
	        "or the "
	        "{ of line 1 lacks its }" },
	{ "suppress \"x\" { source = any rule = relay.attempt until = \"2027-02-29\" reason = y }\n",
	        "t.conf:1: suppress.until = \"2027-02-29\" is no time; write one like "
	        "\"2026-12-31T18:00:00Z\" or "
	        "\"2026-12-31T18:00:00+01:00\", a day like \"2026-12-31\", or none" },
	{ "upstream { addresses = {} }\n",
	        "t.conf:1: missing title for section 'upstream'; write NAME \"title\" { ... }" },
	{ "upstream \"x\" addresses = {}\n",
	        "t.conf:1: missing opening brace for section 'upstream'; write NAME \"title\" { ... }; "
	        "a title is for upstream, servers, network, rule, volume and suppress" },
	{ "rule \"a\" { from = { \"hme\" } to = { \"srevers\" } do = refse }\n",
	        "t.conf:1: nothing is named \"hme\"; did you mean \"home\"?\n"
	        "t.conf:1: nothing is named \"srevers\"; did you mean \"servers\"?\n"
	        "t.conf:1: rule.do = \"refse\" is unknown; did you mean refuse? (one of: inspect, refuse, "
	        "drop, refuse-session)" },
	{ "rule \"a\" { to = { \"any\" } }\n",
	        "t.conf:1: rule \"a\" has no from; add from = { ... } (any matches everything)" },
	{ "rule \"a\" { from = { \"any\" } }\n",
	        "t.conf:1: rule \"a\" has no to; add to = { ... } (any matches everything)" },
	{ "rule \"a\" { from = { \"self\", \"zzzzzz\", \"10.0.0.1/8\", \"10.x\" } to = { \"any\" } }\n",
	        "t.conf:1: nothing is named \"zzzzzz\"; write any, home, self, servers, the title of an "
	        "upstream, "
	        "servers or network block, or an address\n"
	        "t.conf:1: 10.0.0.1/8 has bits set behind the prefix; write 10.0.0.0/8, or 10.0.0.1 for the "
	        "one host\n"
	        "t.conf:1: \"10.x\" is no address or prefix; write one like 192.0.2.1, 192.0.2.0/24 or "
	        "2001:db8::/32" },
	{ "rule \"a\" { from = { any } to = { any } }\n"
	  "rule \"a\" { from = { any } to = { any } }\n",
	        "t.conf:2: title \"a\" is taken by rule in t.conf:1; choose another one" },
	{ "servers \"m\" { addresses = { \"192.0.2.1\" } domains = { \"*.x.org\", \"a@b.org\", \"-x.org\", "
	  "\"a..b\", \"192.0.2.1\", \"b\303\274cher.example\", \"x_y.org\", \"a b\" } names = { \".x.org\" } "
	  "}\n",
	        "t.conf:1: \"*.x.org\": write \".x.org\" for every subdomain\n"
	        "t.conf:1: \"a@b.org\" is an address of a person; write the domain alone: b.org\n"
	        "t.conf:1: \"-x.org\" is no domain: string start/ends with forbidden hyphen; correct it\n"
	        "t.conf:1: \"a..b\" is no domain: a label is empty (two dots, or nothing); correct it\n"
	        "t.conf:1: \"192.0.2.1\" is an address; write a name (addresses have their own keys)\n"
	        "t.conf:1: \"a b\" is no domain: a character is in it that no domain has; correct it\n"
	        "t.conf:1: \".x.org\" begins with a dot; write one host name" },
	{ "servers \"m\" { addresses = { \"192.0.2.1\" } domains-file = \"nope\" }\n",
	        "t.conf:1: cannot read nope: No such file or directory; correct the path or its rights" },
	{ "servers \"m\" { addresses = { \"192.0.2.1\" } domains-file = \"doms\" }\n",
	        "doms:5: \"bad..x\" is no domain: a label is empty (two dots, or nothing); correct it\n"
	        "doms:6: \"*.z.org\": write \".z.org\" for every subdomain" },
	{ "network \"m\" { file = \"nets\" }\n", "nets:2: 10.0.0.1/8 has bits set behind the prefix; write "
	                                         "10.0.0.0/8, or 10.0.0.1 for the one host\n"
	                                         "nets:3: \"foo\" is no address or prefix; write one like "
	                                         "192.0.2.1, 192.0.2.0/24 or 2001:db8::/32" },
	{ "network \"m\" { }\n",
	        "t.conf:1: network \"m\" has no address; add addresses = { ... } or file = \"...\"" },
	{ "servers \"a\" { addresses = { \"192.0.2.0/24\" } }\n"
	  "servers \"b\" {\n"
	  " addresses = { \"192.0.2.1\" } }\n",
	        "t.conf:3: 192.0.2.1 is also in servers \"a\" (t.conf:1); an address can belong to one "
	        "servers block only" },
	{ "relay { action = refuse-recipient }\n"
	  "servers \"a\" { addresses = { \"192.0.2.0/24\" } }\n",
	        "t.conf:2: servers \"a\" lists no domain, but relay.action refuses mail for domains that are "
	        "not listed; add domains = { ... } or set relay.action = alert" },
	{ "relay { tricks = reset }\n"
	  "servers \"a\" { addresses = { \"192.0.2.0/24\" } }\n",
	        "t.conf:2: servers \"a\" lists no domain, but relay.tricks refuses mail for domains that are "
	        "not listed; add domains = { ... } or set relay.tricks = alert" },
	{ "relay { action = ban }\n",
	        "t.conf:1: relay.action = \"ban\" is unknown; write one of: alert, "
	        "defer-recipient, refuse-recipient, refuse-session, reset, slow, block" },
	{ "relay { action = block block-for = 0s }\n"
	  "servers \"a\" { addresses = { \"192.0.2.0/24\" } }\n"
	  "block { size = 9 }\n",
	        "t.conf:1: relay.block-for = \"0s\" is no duration from 1s to 365d; write one like 5m, 1h, "
	        "7d or 90d\n"
	        "t.conf:2: servers \"a\" lists no domain, but relay.action refuses mail for domains that are "
	        "not listed; add domains = { ... } or set relay.action = alert\n"
	        "t.conf:3: block.size = \"9\" is no number in its range; write one from 16 to 1048576 "
	        "blocks" },
	{ "slow { hold = 11s session = 0m packets = 2000 }\n",
	        "t.conf:1: slow.hold = \"11s\" is no duration from 1s to 10s; write one like 2s or 5s\n"
	        "t.conf:1: slow.session = \"0m\" is no duration from 1s to 1m; write one like 2s, 5s or "
	        "30s\n"
	        "t.conf:1: slow.packets = \"2000\" is no number in its range; write one from 1 to 1024 "
	        "packets" },
	{ "smuggling { action = refuse-session }\n",
	        "t.conf:1: smuggling.action = \"refuse-session\" is unknown; write one of: alert, reset" },
	{ "queue { number = 70000 length = 3 fail = opn workers = 17 }\n",
	        "t.conf:1: queue.number = \"70000\" is no number in its range; write one from 0 to 65535\n"
	        "t.conf:1: queue.length = \"3\" is no number in its range; write one from 64 to 1048576 "
	        "packets\n"
	        "t.conf:1: queue.fail = \"opn\" is unknown; did you mean open? (one of: open, closed)\n"
	        "t.conf:1: queue.workers = \"17\" is no number in its range; write one from 1 to 16" },
	{ "queue { number = 65521 }\n",
	        "t.conf:1: queue.number = \"65521\" leaves no numbers for 16 workers; write at most 65520" },
	{ "queue { number = 65534 workers = 3 }\n",
	        "t.conf:1: queue.number = \"65534\" leaves no numbers for 3 workers; write at most 65533" },
	{ "nft { hooks = { forward, inptu } }\n",
	        "t.conf:1: nft.hooks = \"inptu\" is unknown; did you mean input? (one of: forward, input, "
	        "output)" },
	{ "nft { hooks = { input } bridge = yes }\n",
	        "t.conf:1: nft.bridge needs the hook forward, which nft.hooks leaves out; add it" },
	{ "nft { table = \"a b\" priority = 500 mark-mask = 0x1e1 }\n",
	        "t.conf:1: nft.table = \"a b\" is no name; write up to 63 letters, digits, _ and -, a letter "
	        "first\n"
	        "t.conf:1: nft.priority = \"500\" is no number in its range; write one from -400 to 400\n"
	        "t.conf:1: nft.mark-mask = \"0x1e1\" is not four neighbouring bits; write a number like "
	        "0x0f000000 or 0xf0" },
	{ "nft { mark-mask = 0x1f }\n", "t.conf:1: nft.mark-mask = \"0x1f\" is not four neighbouring bits; "
	                                "write a number like 0x0f000000 or 0xf0" },
	{ "log { eve = \"a.json\" alerts-only = maybe stats = 5 }\n",
	        "t.conf:1: log.eve = \"a.json\" is no absolute path; begin it with /, or write \"-\" for "
	        "stdout or \"\" for none\n"
	        "t.conf:1: log.alerts-only is yes or no, not \"maybe\"\n"
	        "t.conf:1: log.stats = \"5\" is no duration from 0s to 7d; write one like 30s, 5m, 1h or "
	        "7d" },
	{ "control { path = run/x.sock }\n",
	        "t.conf:1: control.path = \"run/x.sock\" is no absolute path of up to "
	        "100 bytes; begin it with /, or write \"\" for none" },
	{ "log { syslog = \"udp://mx.example.org:514\" per-source = 600 syslog-format = rfc }\n",
	        "t.conf:1: log.syslog = \"udp://mx.example.org:514\" is no receiver; write no, yes (the "
	        "local "
	        "/dev/log), \"udp://192.0.2.1:514\", \"tcp://[2001:db8::1]:514\" or \"unix:///PATH\"; names "
	        "of "
	        "hosts are not looked up\n"
	        "t.conf:1: log.per-source = \"600\" is no amount in a time; write one like \"600/1m\", from "
	        "1 to "
	        "1000000 records (K, M and G are 1024 and so on) in 1s to 1d, or 0 for no limit\n"
	        "t.conf:1: log.syslog-format = \"rfc\" is unknown; write one of: rfc5424, cef" },
	{ "log { eve = \"/x\" cef = \"/x\" }\n", "t.conf:1: log.eve = \"/x\" and log.cef = \"/x\" are the "
	                                         "same file; give each one of its own" },
	{ "store { path = \"/x\" }\nlog { eve = \"/x\" }\n",
	        "t.conf:1: log.eve = \"/x\" and store.path = \"/x\" are the same file; give each one of its "
	        "own" },
	{ "store { path = \"/y\" }\ncontrol { path = \"//y\" }\n",
	        "t.conf:2: store.path = \"/y\" and control.path = \"//y\" are the same file; give each one "
	        "of "
	        "its own" },
	{ "log { stats = 8d }\n", "t.conf:1: log.stats = \"8d\" is no duration from 0s to 7d; write one like "
	                          "30s, 5m, 1h or 7d" },
	{ "log { stats = 99999999999999999999d }\n",
	        "t.conf:1: log.stats = \"99999999999999999999d\" is no duration from 0s to 7d; write one "
	        "like 30s, 5m, 1h or 7d" },
	{ "store { keep = 5 }\n", "t.conf:1: store.keep = \"5\" is no duration from 1h to 3650d; write one "
	                          "like 1h, 7d or 90d" },
	{ "include(\"nope.conf\")\n", "t.conf:1: cannot read nope.conf: No such file or directory; correct "
	                              "the path or its rights" },
	{ "include(\"loop.conf\")\n",
	        "loop.conf:1: includes are nested deeper than 10; does a file include itself?" },
	{ "include(\"bad.conf\")\n",
	        "bad.conf:2: unknown key \"foo\"; remove it (postern.conf(5) lists all keys)\n"
	        "bad.conf:3: missing equal sign after option 'mode'; write KEY = VALUE" },
	{ "include()\n", "t.conf:1: include() takes one file; write include(\"FILE\"), one for each" },
	{ "include(\"a\",\"b\")\n",
	        "t.conf:1: include() takes one file; write include(\"FILE\"), one for each" },
	{ "include \"x\"\n",
	        "t.conf:1: missing parenthesis for function 'include'; write include(\"FILE\")" },
	{ "rule \"x\" { include(\"a\") }\n",
	        "t.conf:1: unknown key \"include\" in rule; it belongs outside of blocks; close the block "
	        "before it" },
	{ "tls { inbound = pass }\n"
	  "volum \"h\" { match = { \"home\" } }\n"
	  "metrics { }\n"
	  "privacies = 3\n"
	  "never-block = { \"a\" }\n"
	  "mode = x\n",
	        "t.conf:1: unknown key \"tls\"; remove it (postern.conf(5) lists all keys)\n"
	        "t.conf:2: unknown key \"volum\"; did you mean volume?\n"
	        "t.conf:3: unknown key \"metrics\"; remove it (postern.conf(5) lists all keys)\n"
	        "t.conf:4: unknown key \"privacies\"; did you mean privacy?\n"
	        "t.conf:5: nothing is named \"a\"; write any, home, self, servers, the title of an upstream, "
	        "servers or network block, or an address\n"
	        "t.conf:6: mode = \"x\" is unknown; write one of: monitor, enforce" },
	/* what only names a block that could not be taken is not wrong itself */
	{ "upstrem \"isp\" { addresses = { \"192.0.2.1\" } }\n"
	  "netwrk lan\n"
	  "{ addresses = { \"192.0.2.2\" } }\n"
	  "network \"my net\" { addresses = { \"192.0.2.3\" } }\n"
	  "rule \"in\" { from = { isp, \"my net\" } to = lann do = inspct }\n"
	  "never-block = { isp, lan }\n",
	        "t.conf:1: unknown key \"upstrem\"; did you mean upstream?\n"
	        "t.conf:2: unknown key \"netwrk\"; did you mean network?\n"
	        "t.conf:4: \"my net\" cannot be a title; write up to 63 letters, digits, . _ and -, a "
	        "letter first\n"
	        "t.conf:5: nothing is named \"lann\"; write any, home, self, servers, the title of an "
	        "upstream, servers or network block, or an address\n"
	        "t.conf:5: rule.do = \"inspct\" is unknown; did you mean inspect? (one of: inspect, refuse, "
	        "drop, refuse-session)" },
	{ "upstream \"isp\" {\n"
	  " mx-off = { \"example.org\" }\n"
	  " adresses = { \"192.0.2.1\" }\n"
	  "}\n",
	        "t.conf:2: unknown key \"mx-off\" in upstream; did you mean mx-of?\n"
	        "t.conf:3: unknown key \"adresses\" in upstream; did you mean addresses?" },
	{ "action = alert\n", "t.conf:1: unknown key \"action\"; it belongs into a block: relay, smuggling, "
	                      "volume or another { action ... }" },
	{ "addresses = { \"192.0.2.1\" }\n",
	        "t.conf:1: unknown key \"addresses\"; it belongs into a block: upstream, servers or network "
	        "{ addresses ... }" },
	{ "net \"labs\" { addresses = { \"192.0.2.1\" } }\n",
	        "t.conf:1: unknown key \"net\"; did you mean network?" },
	{ "relay { mode = enforce }\n", "t.conf:1: unknown key \"mode\" in relay; it belongs outside of "
	                                "blocks; close the block before it" },
	{ "relay { rule \"x\" { } }\n", "t.conf:1: unknown key \"rule\" in relay; it belongs outside of "
	                                "blocks; close the block before it" },
	{ "log|eve = \"/x\"\n",
	        "t.conf:1: a key of another block is set here; write it inside of that block" },
	{ "home += { \"10.0.0.0/8\" }\n"
	  "mode += x\n",
	        "t.conf:2: attempt to append to non-list option 'mode'; += is for lists; write =" },
	{ "mode = \"a\\999\"\n", "t.conf:1: bad escape sequence '\\999'; write \\\\ for a backslash" },
	{ "home = { \"10.0.0.0/8\" \"11.0.0.0/8\" }\n", "t.conf:1: unexpected token '11.0.0.0/8'; a comma is "
	                                                "missing before it, as in { \"a\", \"b\" }" },
	{ "mode = = x\n", "t.conf:1: unexpected token '='; lists are { \"a\", \"b\" }, "
	                  "values with spaces or "
	                  "any of { } ( ) = + , need quotes" },
	{ "foo", "t.conf:1: unknown key \"foo\"; remove it (postern.conf(5) lists all "
	         "keys)" },
	{ "foo = {", "t.conf:1: unknown key \"foo\"; remove it (postern.conf(5) lists "
	             "all keys)" },
	{ "foo { a = \"}\" }\n"
	  "bar = 1\n"
	  "mode = q",
	        "t.conf:1: unknown key \"foo\"; remove it (postern.conf(5) lists all "
	        "keys)\n"
	        "t.conf:2: unknown key \"bar\"; remove it (postern.conf(5) lists all "
	        "keys)\n"
	        "t.conf:3: mode = \"q\" is unknown; write one of: monitor, enforce" },
	{ "upstream \"a\" {\n"
	  " addresses = { \"192.0.2.1\" }\n"
	  " foo = 3\n"
	  "mode = enforce\n",
	        "t.conf:1: a block or list begins here and is never closed; add the "
	        "missing }\n"
	        "t.conf:3: unknown key \"foo\" in upstream; remove it (postern.conf(5) "
	        "lists all keys)\n"
	        "t.conf:4: unknown key \"mode\" in upstream; it belongs outside of "
	        "blocks; close the block "
	        "before it (it begins in line 1)" },
	{ "dnsbl {\n zones = { a.example, \"a.example=127.0.0.3\", \"b.example=127.255.255.254\",\n"
	  " \"c.example=1.2.3.4\", \"d.example=127.0.0.2,\", \"-e.example\" }\n cache-least = 2h\n}\n",
	        "t.conf:2: a.example is listed twice; write it once, with all codes that count behind it\n"
	        "t.conf:2: \"b.example=127.255.255.254\": codes of 127.255.255.0/24 in \"127.255.255.254\" "
	        "say "
	        "that a list refuses to answer, not that somebody is on it; leave them out\n"
	        "t.conf:3: \"1.2.3.4\" in \"c.example=1.2.3.4\" is no return code; write one like 127.0.0.2, "
	        "or a "
	        "range like 127.0.0.4-11, with commas between them\n"
	        "t.conf:3: \"\" in \"d.example=127.0.0.2,\" is no return code; write one like 127.0.0.2, or "
	        "a "
	        "range like 127.0.0.4-11, with commas between them\n"
	        "t.conf:3: \"-e.example\" is no domain: string start/ends with forbidden hyphen; correct it\n"
	        "t.conf:4: dnsbl.cache-least is longer than dnsbl.cache-most; swap them, or write one value "
	        "for "
	        "both" } };

static const struct mistake warnings[] = {
	{ "upstream i { addresses = { 198.51.100.1 } }\nrule r { from = { i } to = { any } }\ndata { watch = "
	  "none\ntrusted = { i } }",
	        "t.conf:3: warning: data.watch = none leaves bodies of trusted clients unread: commands "
	        "hidden "
	        "behind one reach the server, foreign recipients among them, and are noticed by its answers, "
	        "too "
	        "late to refuse them; Message-IDs and leaking headers are not seen either" },
	{ "rule r { from = { any } to = { any } }\ndata { watch = 64k }",
	        "t.conf:2: warning: data.watch = 64k has no effect: data.trusted names nobody, so all bodies "
	        "are "
	        "read" },
	{ "rule r { from = { any } to = { any } }\ndata {\ntrusted = { 192.0.2.1 } }",
	        "t.conf:3: warning: data.trusted has no effect: data.watch = all reads everybody's bodies" },
	{ "network \"m\" { file = \"empty\" }\n",
	        "t.conf:1: warning: network \"m\" has no address: its file is empty, and rules that name it "
	        "match nothing" },
	{ "home = { \"10.0.0.0/8\" }\n"
	  "upstream \"isp\" { addresses = { \"10.1.0.0/16\" } }\n",
	        "t.conf:2: warning: 10.1.0.0/16 of an upstream lies in home, so it may relay through our "
	        "servers; if that is not wanted, list it in not-home" },
	{ "mode = enforce\n",
	        "t.conf:1: warning: mode is enforce and there is no rule: every connection to the ports is "
	        "refused; add rules, or otherwise = inspect" },
	/* never reached: by the same groups, by addresses, with self */
	{ "rule \"all\" { from = { any } to = { any } }\n"
	  "rule \"own\" { from = { self } to = { \"192.0.2.1\" } }\n",
	        "t.conf:2: warning: rule \"own\" is never reached: rule \"all\" (t.conf:1) takes all of its "
	        "connections before; move it up or remove it" },
	{ "home = { \"10.0.0.0/8\", \"2001:db8::/32\" }\n"
	  "rule \"a\" { from = { home } to = { any } }\n"
	  "rule \"b\" { from = { \"10.0.0.0/9\", \"2001:db8:1::/48\" } to = { home } do = refuse }\n",
	        "t.conf:3: warning: rule \"b\" is never reached: rule \"a\" (t.conf:2) takes all of its "
	        "connections before; move it up or remove it" },
	{ "rule \"a\" { from = { \"10.0.0.0/9\", \"10.128.0.0/9\" } to = { any } }\n"
	  "rule \"b\" { from = { \"10.0.0.0/8\" } to = { self } do = refuse }\n",
	        "t.conf:2: warning: rule \"b\" is never reached: rule \"a\" (t.conf:1) takes all of its "
	        "connections before; move it up or remove it" },
	/* reached: a family, a bit, the gateway or the other side is not covered */
	{ "rule \"a\" { from = { \"0.0.0.0/0\" } to = { any } }\n"
	  "rule \"b\" { from = { any } to = { any } }\n"
	  "rule \"c\" { from = { self } to = { self } }\n",
	        "t.conf:3: warning: rule \"c\" is never reached: rule \"b\" (t.conf:2) takes all of its "
	        "connections before; move it up or remove it" },
	{ "home = { \"10.0.0.0/8\" }\n"
	  "rule \"a\" { from = { home } to = { \"192.0.2.0/25\" } }\n"
	  "rule \"b\" { from = { home } to = { \"192.0.2.0/24\" } }\n"
	  "rule \"c\" { from = { home, self } to = { \"192.0.2.0/25\" } }\n",
	        "" },
	/* groups without an address */
	{ "rule \"a\" { from = { home } to = { servers } }\n",
	        "t.conf:1: warning: rule \"a\" names home, which has no address and matches nothing; write "
	        "home = { ... }\n"
	        "t.conf:1: warning: rule \"a\" names servers, which has no address and matches nothing; add "
	        "a servers block" },
	{ "home = { \"10.0.0.0/8\" }\n"
	  "not-home = { \"10.0.0.0/8\" }\n"
	  "rule \"a\" { from = { home } to = { any } }\n",
	        "t.conf:3: warning: rule \"a\" names home, which has no address and matches nothing; write "
	        "home = { ... }" },
	{ "home = { \"10.0.0.0/8\" }\n"
	  "not-home = { \"10.0.0.1\", \"11.0.0.1\", \"::/0\" }\n",
	        "t.conf:2: warning: not-home: 11.0.0.1 lies outside of home and takes nothing out of it; "
	        "remove it\n"
	        "t.conf:2: warning: not-home: ::/0 lies outside of home and takes nothing out of it; remove "
	        "it" },
	/* may relay, and never gets there */
	{ "servers \"m\" {\n addresses = { \"192.0.2.1\" }\n may-relay = { \"198.51.100.0/24\" }\n}\n"
	  "rule \"a\" { from = { \"203.0.113.0/24\" } to = { \"192.0.2.0/24\" } }\n"
	  "rule \"b\" { from = { any } to = { \"192.0.2.2\" } }\n"
	  "rule \"c\" { from = { any } to = { \"192.0.2.1\" } do = refuse-session }\n",
	        "t.conf:3: warning: 198.51.100.0/24 may relay through servers \"m\", but no rule lets it "
	        "reach them; add a rule that does" },
	{ "servers \"m\" {\n addresses = { \"192.0.2.1\" }\n may-relay = { \"198.51.100.0/24\" }\n}\n"
	  "rule \"a\" { from = { \"198.51.100.9\" } to = { \"192.0.2.0/24\" } }\n",
	        "" },
	{ "servers \"m\" {\n addresses = { \"192.0.2.1\" }\n may-relay = { \"198.51.100.0/24\" }\n}\n"
	  "rule \"a\" { from = { any } to = { self } }\n",
	        "" },
	{ "servers \"m\" {\n addresses = { \"192.0.2.1\" }\n may-relay = { \"198.51.100.0/24\" }\n}\n"
	  "rule \"a\" { from = { \"203.0.113.0/24\" } to = { any } }\n"
	  "otherwise = inspect\n",
	        "" },
	/* what the DNS will say of an upstream is not known yet */
	{ "home = { \"10.0.0.0/8\" }\n"
	  "upstream \"u\" { mx-of = { \"example.net\" } }\n"
	  "rule \"a\" { from = { home } to = { any } }\n"
	  "rule \"b\" { from = { u } to = { any } }\n"
	  "rule \"c\" { from = { u } to = { home } }\n"
	  "rule \"d\" { from = { any } to = { any } }\n"
	  "rule \"e\" { from = { u } to = { home } }\n",
	        "t.conf:5: warning: rule \"c\" is never reached: rule \"b\" (t.conf:4) takes all of its "
	        "connections before; move it up or remove it\n"
	        "t.conf:7: warning: rule \"e\" is never reached: rule \"b\" (t.conf:4) takes all of its "
	        "connections before; move it up or remove it" },
	{ "upstream \"u\" { hosts = { \"smtp.example.net\" } }\n"
	  "servers \"m\" {\n addresses = { \"192.0.2.1\" }\n may-relay = { \"198.51.100.0/24\" }\n}\n"
	  "rule \"a\" { from = { u } to = { m } }\n",
	        "" },
	{ "dnsbl {\n action = slow\n}\n",
	        "t.conf:2: warning: dnsbl.action does nothing: there is no list; add zones = { ... }" },
	{ "dnsbl {\n zones = { a.example }\n}\n",
	        "t.conf:2: warning: no DNS list is ever asked: only who comes to a server of ours is looked "
	        "up, and there is none; add a servers block" },
	{ "servers \"m\" { addresses = { \"192.0.2.1\" } }\n"
	  "upstream \"u\" { addresses = { \"198.51.100.1\" } }\n"
	  "home = { \"10.0.0.0/8\" }\n"
	  "rule \"a\" { from = { u, home } to = { m } }\n"
	  "dnsbl { zones = { a.example } action = refuse-session }\n",
	        "t.conf:5: warning: no DNS list is ever asked: strangers alone are looked up, and every rule "
	        "that inspects is from home, upstreams or servers; add a rule that lets others in, or remove "
	        "dnsbl" },
	{ "servers \"m\" { addresses = { \"192.0.2.1\" } }\n"
	  "rule \"a\" { from = { \"203.0.113.0/24\" } to = { m } }\n"
	  "dnsbl { zones = { a.example } action = refuse-session }\n",
	        "" },
	{ "upstream \"u\" { hosts = { \"smtp.example.net\" } }\n"
	  "servers \"m\" {\n addresses = { \"192.0.2.1\" }\n may-relay = { \"198.51.100.0/24\" }\n}\n"
	  "rule \"a\" { from = { u } to = { m } do = refuse-session }\n",
	        "t.conf:4: warning: 198.51.100.0/24 may relay through servers \"m\", but no rule lets it "
	        "reach them; add a rule that does" },
};

enum {
	ERROR_COUNT = sizeof(errors) / sizeof(errors[0]),
	WARNING_COUNT = sizeof(warnings) / sizeof(warnings[0])
};

static void write_lists(void)
{
	conf_write("doms", "# x\nexample.org\n  .sub.org # y\n\nbad..x\n*.z.org\n");
	conf_write("nets", "10.0.0.0/8\n10.0.0.1/8\nfoo\n");
	conf_write("mode.conf", "mode = monitor\n");
	conf_write("empty", "# nothing\n");
	conf_write("loop.conf", "include(\"loop.conf\")\n");
	conf_write("bad.conf", "home = { \"10.0.0.0/8\" }\nfoo = 3\nmode monitor\n");
}

static void is_told(const char *text, const char *got, const char *wanted)
{
	if (strcmp(got, wanted) != 0)
		fprintf(stderr, "in:\n%s\ngot:\n%s\nwanted:\n%s\n\n", text, got, wanted);
	CU_ASSERT_STRING_EQUAL(got, wanted);
}

static void errors_are_told(void)
{
	struct conf *c;
	size_t i;

	write_lists();
	for (i = 0; i < ERROR_COUNT; i++) {
		CU_ASSERT(conf_read_text(errors[i].text, &c) < 0);
		CU_ASSERT_PTR_NULL(c);
		is_told(errors[i].text, conf_errors, errors[i].messages);
	}
}

static void warnings_do_not_fail(void)
{
	struct conf *c;
	size_t i;

	for (i = 0; i < WARNING_COUNT; i++) {
		CU_ASSERT_EQUAL_FATAL(conf_read_text(warnings[i].text, &c), 0);
		is_told(warnings[i].text, conf_warnings, warnings[i].messages);
		CU_ASSERT_STRING_EQUAL(conf_errors, "");
		conf_free(c);
	}
}

/* Cuts of a good file anywhere: an answer, never a crash, and every failure has a message. */
static void cut_files_are_told(void)
{
	/* cuts begin behind the include: libconfuse leaks the arguments of a call that is never closed */
	static const char first[] = "include(\"empty\")\n";
	static const char whole[] = "include(\"empty\")\n"
	                            "/* c */ mode = enforce # x\n"
	                            "home = { \"10.0.0.0/8\", 192.168.0.0/16 }\n"
	                            "servers 'm' { addresses = { 192.0.2.1 } domains += { \"a.org\" } }\n"
	                            "rule \"in\" { from = { any } to = { \"m\" } foo = { 1, 2 } }\n";
	char text[sizeof(whole)];
	struct conf *c;
	size_t len;

	for (len = sizeof(first) - 1; len < sizeof(whole); len++) {
		snprintf(text, len + 1, "%s", whole);
		if (conf_read_text(text, &c) == 0)
			conf_free(c);
		else
			CU_ASSERT_STRING_NOT_EQUAL(conf_errors, "");
	}
}

static void unreadable_files_are_told(void)
{
	struct conf *c;
	char path[256];

	CU_ASSERT_EQUAL(conf_read("nowhere.conf", NULL, &c), -ENOENT);
	CU_ASSERT_STRING_EQUAL(conf_errors, "nowhere.conf: No such file or directory; start from one of the "
	                                    "examples in " CONF_EXAMPLES_DIR " (rules/ in the sources)");
	snprintf(path, sizeof(path), "%s/folder", conf_folder);
	CU_ASSERT_EQUAL_FATAL(mkdir(path, 0700), 0);
	CU_ASSERT_EQUAL(conf_read("folder", NULL, &c), -EISDIR);
	CU_ASSERT_STRING_EQUAL(conf_errors, "folder: cannot be read: Is a directory; name a file in it");
}

/* The file alone is told, not that it has no address either. */
static void binary_lists_are_told(void)
{
	char path[256];
	struct conf *c;
	FILE *f;

	snprintf(path, sizeof(path), "%s/nets", conf_folder);
	f = fopen(path, "w");
	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	fwrite("\177ELF\0", 1, 5, f);
	fclose(f);
	CU_ASSERT_EQUAL(conf_read_text("network \"n\" { file = nets }\n", &c), -EINVAL);
	CU_ASSERT_STRING_EQUAL(conf_errors, "nets: a zero byte: this is no text file; name another file");
	CU_ASSERT_STRING_EQUAL(conf_warnings, "");
	CU_ASSERT_EQUAL(conf_read_text("network \"n\" { file = not-there }\n", &c), -EINVAL);
	CU_ASSERT_STRING_EQUAL(conf_warnings, "");
}

static void binary_files_are_told(void)
{
	static const char bytes[] = "mode = monitor\nhome\0 = {}\n";
	char path[256];
	struct conf *c;
	FILE *f;

	snprintf(path, sizeof(path), "%s/t.conf", conf_folder);
	f = fopen(path, "w");
	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	fwrite(bytes, 1, sizeof(bytes) - 1, f);
	fclose(f);
	CU_ASSERT_EQUAL(conf_read("t.conf", NULL, &c), -EINVAL);
	CU_ASSERT_STRING_EQUAL(conf_errors, "t.conf:2: a zero byte: this is no text file; name another file");
}

/* A list with the wrong file behind it must not flood the terminal. */
static void very_many_errors_are_counted(void)
{
	char text[20000] = "";
	struct conf *c;
	int i;

	for (i = 0; i < 500; i++)
		sprintf(text + strlen(text), "no domain %d\n", i);
	conf_write("doms", text);
	CU_ASSERT_EQUAL(
	        conf_read_text("servers m { addresses = { 192.0.2.1 } domains-file = doms }\n", &c), -EINVAL);
	CU_ASSERT_PTR_NOT_NULL(strstr(conf_errors, "\ndoms:200: "));
	CU_ASSERT_PTR_NULL(strstr(conf_errors, "\ndoms:201: "));
	CU_ASSERT_STRING_EQUAL(strrchr(conf_errors, '\n') + 1, "... and 300 more");
}

/* More than the policy can hold is an error of the file, not a crash. */
static void limits_are_told(void)
{
	static char text[64 * 1024];
	struct conf *c;
	int i;

	text[0] = '\0';
	for (i = 0; i < POLICY_RULES_MAX + 1; i++)
		sprintf(text + strlen(text), "rule \"r%d\" { from = { any } to = { any } }\n", i);
	CU_ASSERT_EQUAL(conf_read_text(text, &c), -EINVAL);
	CU_ASSERT_STRING_EQUAL(
	        conf_errors, "t.conf:257: more than 256 rules; put several groups into one rule");
	text[0] = '\0';
	for (i = GROUP_ID_FIRST_FREE; i < POLICY_GROUPS_MAX + 1; i++)
		sprintf(text + strlen(text), "network \"n%d\" { addresses = { 192.0.2.1 } }\n", i);
	CU_ASSERT_EQUAL(conf_read_text(text, &c), -EINVAL);
	CU_ASSERT_STRING_EQUAL(conf_errors, "t.conf:253: more than 256 groups; put several into one block");
}

static void remove_files(void)
{
	static const char *const names[] = { "t.conf", "doms", "nets", "empty", "loop.conf", "bad.conf",
		"mode.conf", "folder", NULL };

	conf_clean(names);
	CU_ASSERT_EQUAL(access(conf_folder, F_OK), -1);
}

SUITE("conf errors", { "errors are told", errors_are_told }, { "warnings do not fail", warnings_do_not_fail },
        { "cut files are told", cut_files_are_told },
        { "unreadable files are told", unreadable_files_are_told },
        { "binary files are told", binary_files_are_told },
        { "binary lists are told", binary_lists_are_told },
        { "very many errors are counted", very_many_errors_are_counted },
        { "limits are told", limits_are_told }, { "nothing is left behind", remove_files })
