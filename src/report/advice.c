/* advice.c - what each finding means, where it comes from as a rule, and what to do. Markdown, for one cell of a table. */
#include "report/advice.h"

#include <assert.h>

/* In the order of FINDINGS. */
const struct advice advices[] = {
	{ FINDING_RELAY_ATTEMPT, "2; 3 from an upstream with a plain address, or bounced",
	        "a stranger named a foreign recipient at a server of ours, and was refused or not answered, "
	        "or the mail came back",
	        "somebody looks for open relays; from an upstream, a domain that nobody has listed",
	        "outside: nothing, it was refused. From an upstream: is the domain missing in `domains`?" },
	{ FINDING_RELAY_ACCEPTED, "1", "a server of ours said yes to it",
	        "an open relay: `mynetworks` or the like too wide, or an address form that the server undoes "
	        "(FORMS.md)",
	        "close the server; until then `mode = enforce` and `relay.action`" },
	{ FINDING_RELAY_CONFIRMED, "1; 2 by the host alone", "that mail was seen leaving",
	        "as above; spammers test a relay first, and come back with millions",
	        "as above, and look at the server's queue" },
	{ FINDING_SENDER_SPOOF, "3", "a stranger sends in the name of a domain of ours",
	        "forged mail; or a service that sends for you, or a forwarder that keeps the sender",
	        "such a service: name it in an `upstream` block, that gives it no right. Otherwise the "
	        "server's sender checks" },
	{ FINDING_SENDER_FOREIGN, "3", "a client in `home` sends in the name of a foreign domain",
	        "a bot, a misconfigured client, or a domain of ours that is not listed",
	        "look at the client; a missing entry in `domains`?" },
	{ FINDING_HELO_FORGED, "3", "a stranger greets with a name or address of ours",
	        "spam software; or a server of yours outside of `home`",
	        "nothing, or add that server to `home`" },
	{ FINDING_VOLUME_LIMIT, "2", "more within a window than a `volume` block allows",
	        "a bot, a stolen password, or a newsletter that nobody has told of",
	        "`postern sources` and the envelopes in the evidence: spam? Clean the machine, change the "
	        "password. Honest? A block of its own with higher limits, before this one" },
	{ FINDING_VOLUME_SPIKE, "2",
	        "far above what this source usually sends at this hour (`finding.baseline`), by more than "
	        "`spike` times its own spread",
	        "a bot or a stolen password; a first mass mailing",
	        "as above. It learns: what goes on for days becomes usual" },
	{ FINDING_VOLUME_REJECTS, "2",
	        "so many of its recipients are refused that no human writes: a sequential test, with the "
	        "error rates of `rejects`",
	        "old or guessed lists of addresses: a bot, or a bought list",
	        "look at the source. A forwarder of others' mail belongs into `except`" },
	{ FINDING_VOLUME_FANOUT, "2", "one client talks to unusually many different mail hosts",
	        "a bot that delivers by itself; a mail server or list host that is in no `servers` block",
	        "a mail server: list it in `servers`, or in `except`. Else clean the machine, and let "
	        "`otherwise = refuse` keep it off port 25" },
	{ FINDING_VOLUME_TARGET, "3",
	        "many sources write to one recipient, or to one server, at once; the incident is of that "
	        "target",
	        "mail bombing (sign-ups with somebody's address), a spam wave, a list that has just written",
	        "tell the recipient; let the server limit or filter mail for him. Nobody is punished for "
	        "being one of many" },
	{ FINDING_VOLUME_SNOWSHOE, "2",
	        "something was found about many sources of one network (a /24, or a /48 of IPv6) of "
	        "strangers "
	        "within an hour; `src_ip` is the network",
	        "somebody has rented it, and sends a little from each address; or a network with many "
	        "infected "
	        "hosts",
	        "look at what was found about its sources. Further ones are not punished one by one: cut the "
	        "network off (`postern block`), if nobody in it is missed" },
	{ FINDING_HARVEST, "3", "one source tries recipients in vain, or asks with VRFY and EXPN",
	        "somebody looks for addresses that exist",
	        "`harvest.action = slow` costs him most; turn VRFY and EXPN off at the server" },
	{ FINDING_BACKSCATTER, "3",
	        "a flood of mail from the null sender. Inward: answers to mail that we never wrote. Outward: "
	        "our server returns mail",
	        "inward: spam was sent with our name as sender. Outward: our server takes mail that it can't "
	        "deliver, and bounces spam to strangers",
	        "inward: SPF, DKIM and DMARC for the domain, BATV at the server. Outward: let the server "
	        "refuse unknown recipients at RCPT" },
	{ FINDING_AUTH_GUESS, "2",
	        "one source, or its network, has tried too many passwords or users; or one user is tried "
	        "from many sources (`finding.user`)",
	        "somebody guesses passwords; a program with an old password",
	        "`auth-guess.action`; AUTH on 587 and 465 only; a lock at the server. An old password: tell "
	        "its user" },
	{ FINDING_REPUTATION, "2",
	        "remote servers refuse our mail and name a blocklist; the source is the inside host that was "
	        "refused",
	        "a bot or a stolen password has sent spam through this address before",
	        "find who sent it (`postern incidents --source`), stop it, then ask the list for removal" },
	{ FINDING_SMUGGLING_ATTEMPT, "2; 4 with no command behind it",
	        "a body that servers end in different places",
	        "an attack on the readers behind the server; with no command behind it, sloppy software",
	        "SMUGGLING.md; `smuggling.action`" },
	{ FINDING_SMUGGLING_EFFECTIVE, "1", "the server took it, and answered what was hidden",
	        "a server that takes a bare LF or the like for the end of a body",
	        "mend the server (SMUGGLING.md)" },
	{ FINDING_STARTTLS_INJECTION, "2", "bytes in clear behind STARTTLS",
	        "somebody on the way adds commands to the encrypted session; or a client that does not wait",
	        "look at the client; the server should have dropped them" },
	{ FINDING_STARTTLS_MISSING, "3",
	        "a server that offered STARTTLS no longer does, or the word was masked",
	        "SMTP inspection of a router on the way, an expired certificate, or an attack on the "
	        "encryption",
	        "switch that inspection off; ask the server's operator" },
	{ FINDING_AUTH_CLEAR, "3", "a password that every reader of the wire could see",
	        "a device or program that logs in on port 25 without TLS",
	        "let clients log in on 587 or 465 only, and change the password" },
	{ FINDING_TLS_OLD, "4", "TLS below 1.2", "old software at one end", "renew the older of the two" },
	{ FINDING_STARTTLS_UNUSED, "4", "STARTTLS was offered and not used",
	        "a client that does not encrypt, or is told not to",
	        "the client's settings, if it is yours" },
	{ FINDING_EVASION, "2; 3 where sloppy software does it, too", "bytes that readers see differently",
	        "an attack on inspection; scanners; a broken network card; captures that took each packet "
	        "twice",
	        "look at the client; in a capture: was each packet taken twice?" },
	{ FINDING_HEADER_LEAK, "4", "outbound mail shows inside addresses or names",
	        "the sending server writes inside names into its Received lines",
	        "header rules of the sending server" },
	{ FINDING_GATE_REFUSED, "4; 2 from inside", "a connection to port 25 that no rule allows",
	        "from inside: a bot, or a server that no rule names. From outside: scanners",
	        "from inside: look at the machine, or add a rule" },
	{ FINDING_GATE_TAMPERED, "2; 1 while it is not repaired",
	        "somebody else changed our rules; what, which process, and after how many µs "
	        "(`finding.value`) they were as they should be",
	        "`nft flush ruleset` in a script, a firewall that reloads, or somebody who wants to get past",
	        "`nft.own` lets the kernel (6.9) refuse that; put off: stop the program that is named" },
	{ FINDING_GATE_UPSTREAM,
	        "4; 2 when fewer addresses are left, they are held or never came, or DNSSEC is gone",
	        "what the DNS says of an upstream has changed", "the ISP moves its hosts; DNS trouble",
	        "2: `postern upstreams` says what is held, and why; ask the ISP, or look at the DNS "
	        "servers" },
	{ FINDING_GATE_BLIND, "1", "packets passed without inspection",
	        "a bypass, a flow table of another program, a bridge without br_netfilter (`nft.bridge`), or "
	        "the daemon was away, or could not read them",
	        "a bypass: `postern bypass off`; a flow table: let its rule leave out the guarded ports, in "
	        "both directions (`tcp dport != { 25, 26 } tcp sport != { 25, 26 }`; of two single ports nft "
	        "1.0.6 makes one wrong comparison); was it restarted? Otherwise its log, `queue.length`, "
	        "`queue.workers`" },
	{ FINDING_SOURCE_LISTED, "4",
	        "a stranger at a server of ours is on a DNS list (`dnsbl`); the evidence is the list, its "
	        "codes and its reason",
	        "a bot, or a partner whose server was abused",
	        "nothing; a partner of yours? The list's web page says how he gets off it" },
	{ FINDING_AUDIT, "4",
	        "Postern was started, stopped or changed; a client was blocked, freed, or its time is over; "
	        "blocks are not in force, or their room is nearly taken; a DNS list is in use, broken or "
	        "dead",
	        "an operator, systemd, a rule of ours",
	        "was that you? `postern blocks`; a list: `postern status` says what is wrong" },
};
static_assert(sizeof(advices) / sizeof(advices[0]) == FINDING_KIND_COUNT, "a line for each finding");
