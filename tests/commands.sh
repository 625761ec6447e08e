#!/bin/bash
# The commands as a person uses them, without root and without a daemon: what they print, on which stream, and with
# which status. Bad input must be told with its cause and the next step.
#
# usage: tests/commands.sh BUILD
set -u
# A posternd that runs on this machine is none of our business: its socket is out of sight.
if [ "$(id -u)" -eq 0 ] && [ -z "${RUN_IS_HIDDEN:-}" ]; then
	exec env RUN_IS_HIDDEN=1 unshare --mount bash -c 'mount -t tmpfs run /run && exec "$0" "$@"' "$0" "$@"
fi
cd "$(dirname "$0")/.." || exit 1
build=${1:?usage: tests/commands.sh BUILD}
build=$(cd "$build" && pwd)
scratch=$(mktemp -d)
chmod 755 "$scratch"
trap 'rm -rf "$scratch"' EXIT
passed=0 failed=0

# As nobody where we are root: none of this needs rights.
user=()
[ "$(id -u)" -ne 0 ] || user=(setpriv --reuid=65534 --regid=65534 --clear-groups)

# t NAME STATUS STREAM PATTERN COMMAND... - STREAM: out, err or any; PATTERN: extended regular expression
t() {
	local name=$1 status=$2 stream=$3 pattern=$4 got file
	shift 4
	"${user[@]}" "$@" >"$scratch/out" 2>"$scratch/err" </dev/null
	got=$?
	file=$scratch/$stream
	[ "$stream" != any ] || { cat "$scratch/out" "$scratch/err" >"$scratch/any"; }
	if [ "$got" -eq "$status" ] && grep -qE -- "$pattern" "$file"; then
		passed=$((passed + 1))
	else
		failed=$((failed + 1))
		echo "FAIL  $name: status $got (wanted $status), wanted on $stream: $pattern"
		sed 's/^/  out: /' "$scratch/out" | head -5
		sed 's/^/  err: /' "$scratch/err" | head -5
	fi
}

# docs/FINDINGS.md has each finding with its id, name and weight, each outcome, and each field of the records.
documented() {
	local id rule severity outcome status=0
	while IFS=', ' read -r id rule severity; do
		grep -qE "^\\| $id \\| \`$rule\` \\| ${severity}[ ;]" docs/FINDINGS.md || { echo "no row: $id $rule $severity"; status=1; }
	done < <(grep -oE '\b1025[0-9]{3}, "[a-z.]+", [1-4]' include/postern/finding.h | tr -d '"')
	while read -r outcome; do
		grep -qF "| \`$outcome\` |" docs/FINDINGS.md || { echo "no row: $outcome"; status=1; }
	done < <(sed -n '/define EVENT_OUTCOME_NAMES/,/[^\\]$/p' include/postern/event.h | grep -oE '"[a-z-]+"' | tr -d '"' | grep -vx none)
	while read -r outcome; do
		grep -qF "\`$outcome\`" docs/FINDINGS.md || { echo "no field: $outcome"; status=1; }
	done < <(cat src/report/alert.c src/report/frame.c src/report/record.c src/report/session.c src/report/transaction.c | tr '\n' ' ' |
		grep -oE 'field_set[a-z_]*\(\s*[a-z_]+,\s*"[a-z_]+"' | grep -oE '"[a-z_]+"' | tr -d '"' | sort -u)
	[ "$status" -eq 0 ] && echo "$(grep -c '^| 1025' docs/FINDINGS.md) findings"
}
findings=$(documented)
if [ "$findings" = "$(grep -cE '\b1025[0-9]{3}, "' include/postern/finding.h) findings" ]; then
	passed=$((passed + 1))
else
	failed=$((failed + 1))
	echo "FAIL  docs/FINDINGS.md is not the table of include/postern/finding.h: $findings"
fi

# Each command that `postern help` lists is in the synopsis and the description of its page, and in the README.
commands=$("$build/postern" help | sed -n 's/^  \([a-z]*\) .*/\1/p')
synopsis=$(sed -n '/^\.Sh SYNOPSIS/,/^\.Sh DESCRIPTION/p' packaging/postern.8)
told=0
for command in $commands; do
	if grep -qE "^\.Cm .*\b$command\b" <<<"$synopsis" && grep -qx "\.It Cm $command" packaging/postern.8 &&
		{ [ "$command" = help ] || grep -qE "^\|.*\`(postern )?${command}[ \`]" README.md; }; then
		told=$((told + 1))
	else
		echo "FAIL  packaging/postern.8 or README.md does not tell of postern $command"
	fi
done
if [ "$told" -gt 10 ] && [ "$told" -eq "$(wc -w <<<"$commands")" ]; then passed=$((passed + 1)); else failed=$((failed + 1)); fi

# A copy that everybody may enter: the tree itself may lie in a folder that only its owner enters.
mkdir "$scratch/tree" "$scratch/tree/tests"
cp -r "$build/postern" "$build/posternd" README.md packaging rules "$scratch/tree"
cp -r tests/pcap "$scratch/tree/tests"
chmod -R go+rX "$scratch/tree"
cd "$scratch/tree" || exit 1
postern=$scratch/tree/postern
posternd=$scratch/tree/posternd
conf=rules/isp-forwarding.conf

t 'help' 0 out '^usage: postern' "$postern" help
t 'help: every status' 0 out '^4 nothing can be said' "$postern" help
t 'version' 0 out '^postern [0-9]' "$postern" --version
t 'no command is a usage error' 2 err 'usage' "$postern"
t 'unknown command' 2 err '"frobnicate"; postern help' "$postern" frobnicate
t 'unknown command: the nearest one' 2 err 'there is no command "statsu"; did you mean status\?' "$postern" statsu
t 'check: fine' 0 out 'enforce' "$postern" check -c "$conf"
t 'check: no such file' 1 err 'nowhere.conf.*(No such file|does not exist)' "$postern" check -c "$scratch/nowhere.conf"
t 'check: shows lists as they are written' 0 out '^not-home +192.168.0.1$' "$postern" check -c "$conf"
t 'check: shows where rules are' 0 out '^rule +in \(rules/isp-forwarding.conf:19\): isp -> mail: inspect' "$postern" check -c "$conf"
t 'check: shows where records go' 0 out '^records +/var/log/postern/eve.json, stats every 60 s$' "$postern" check -c "$conf"
printf 'log { ecs = "/x/ecs.json" cef = "/x/a.cef" syslog = "udp://[2001:db8::1]:515" syslog-format = cef per-source = 0 }\n' >"$scratch/places.conf"
t 'check: shows every place of records' 0 out '^ +syslog udp://\[2001:db8::1\]:515, alerts only, cef$' "$postern" check -c "$scratch/places.conf"
t 'check: shows how many are written' 0 out '^ +64M/1m bytes of all together$' "$postern" check -c "$scratch/places.conf"
t 'check: shows what is asked of the kernel' 0 out '^table +inet postern, priority -5, hooks forward, input, output$' "$postern" check -c "$conf"
printf 'upstream "isp" { mx-of = { "example.org" } }\n' >"$scratch/followed.conf"
t 'check: shows an upstream without written addresses' 0 out '^upstream +isp:$' "$postern" check -c "$scratch/followed.conf"
t 'check: shows who may relay' 0 out 'may relay: 198.51.100.77$' "$postern" check -c rules/campus.conf
t 'rules: fine' 0 out 'table inet postern' "$postern" rules -c "$conf"
{ cat "$conf"; echo 'queue { workers = 2 }'; } >"$scratch/two-workers.conf" # auto depends on the machine
if "$postern" rules -c "$scratch/two-workers.conf" | diff rules/postern.nft - >"$scratch/diff"; then
	passed=$((passed + 1))
else
	failed=$((failed + 1))
	echo "FAIL  rules/postern.nft: renew it with postern rules -c FILE >rules/postern.nft, FILE being $conf with two workers"
	head -20 "$scratch/diff"
fi
t 'posternd: unknown option' 2 err 'usage' "$posternd" --frob
t 'posternd: help' 0 out 'usage' "$posternd" -h
t 'posternd: version' 0 out '^posternd [0-9]' "$posternd" -V
t 'posternd: long help' 0 out 'usage' "$posternd" --help
t 'posternd: long version' 0 out '^posternd [0-9]' "$posternd" --version
t 'help of a command' 0 out '^usage: postern check' "$postern" check --help
t 'the page of the configuration: its source' 0 out '^\.Dt POSTERN\.CONF 5$' "$postern" help postern.conf
on_terminal() { # PATH: with the programs in this folder alone, and what a terminal then shows
	script -qec "env PATH=$1 $postern help postern.conf" /dev/null </dev/null
}
mkdir "$scratch/man" "$scratch/no-man"
printf '#!/bin/sh\n/usr/bin/head -n 2\necho "man $*"\n' >"$scratch/man/man"
chmod 755 "$scratch/man" "$scratch/man/man" "$scratch/no-man"
on_terminal "$scratch/man" >"$scratch/shown"
t 'on a terminal man renders it' 0 out '^man -l -' grep -a -A 1 '^\.Dd ' "$scratch/shown"
t 'and nothing else shows it' 1 out '^0$' grep -ac '^\.Dt ' "$scratch/shown"
on_terminal "$scratch/no-man" >"$scratch/shown"
t 'without man, its source' 0 out '^\.Dt POSTERN' cat "$scratch/shown"
t 'short help of a command' 0 out '^usage: postern check' "$postern" check -h
# Each option and word of a usage is explained below it.
explained() {
	local command usage word status=0
	for command in $("$postern" help | sed -n 's/^  \([a-z]*\) .*/\1/p'); do
		usage=$("$postern" help "$command" | head -1)
		for word in $(grep -oE -- '--?[a-z][a-z-]*|[A-Z]{2,}|[A-Z]$' <<<"${usage#usage: postern "$command"}" | sort -u); do
			"$postern" help "$command" | tail -n +3 | grep -qE -- "^  .*$word|^  --?[a-z-]+ $word" ||
				{ echo "postern help $command says nothing of $word"; status=1; }
		done
	done
	return $status
}
if explained; then
	passed=$((passed + 1))
else
	failed=$((failed + 1))
	echo "FAIL  help of each command"
fi
t 'help: what a word means' 0 out '^  --since TIME +those of the past' "$postern" help incidents
t 'help: a usage error names it' 2 err '^postern help mute says what the words mean$' "$postern" mute
t 'restore: by hand the file is named' 2 err '-f /var/lib/postern/rules' "$postern" restore
t 'posternd: bad configuration' 1 err 'nowhere.conf' "$posternd" -c "$scratch/nowhere.conf"
[ "$(id -u)" -ne 0 ] || t 'posternd: no rights' 1 err 'CAP_NET_ADMIN|root' "$posternd" -c "$conf"

printf 'mode = enforce\nhoem = { "10.0.0.0/8" }\n' >"$scratch/typo.conf"
t 'check: a typo names line and nearest key' 1 err 'typo.conf:2: .*hoem.*home' "$postern" check -c "$scratch/typo.conf"
printf 'ports = { 25, 587 }\n' >"$scratch/587.conf"
t 'check: submission stays open' 1 err '587.conf:1: .*587' "$postern" check -c "$scratch/587.conf"
printf 'metrics { listen = "127.0.0.1:9250" }\n' >"$scratch/later.conf"
t 'check: a key without function is unknown' 1 err 'later.conf:1: .*metrics' "$postern" check -c "$scratch/later.conf"

# e NAME STATUS PATTERN FILE ARGUMENT... - postern explain; PATTERN has a line for each line that must be in the answer
e() {
	local name=$1 status=$2 patterns=$3 file=$4 pattern
	shift 4
	while IFS= read -r pattern; do
		t "explain: $name: $pattern" "$status" out "$pattern" "$postern" explain -c "$file" "$@"
	done <<<"$patterns"
}
lines=$scratch/lines.conf
{ cat rules/isp-forwarding.conf; echo 'include("'"$scratch"'/more.conf")'; } | sed '/^rule/d' >"$lines"
printf '\nrule "in" { from = { "isp" }\n  to = { "mail" } }\n' >"$scratch/more.conf"
chmod 644 "$lines" "$scratch/more.conf"
e 'a rule in an included file' 0 "^rule +in: inspect \\($scratch/more.conf:2\\)" "$lines" 198.51.100.10 192.168.0.10
e 'the ISP delivers' 0 '^mode +enforce \(rules/isp-forwarding.conf:4\)
^client +198.51.100.10: upstream "isp"$
^server +192.168.0.10: home, servers, servers "mail"$
^hook +forward, inbound$
^rule +in: inspect \(rules/isp-forwarding.conf:19\)$
^kernel +lets it through and hands it over
^relaying +judged at servers "mail" .*:12\); the client is not ours
goes to lists.example.org: ours by domains \(.example.org, rules/isp-forwarding.conf:16\)
^result +it passes$' "$conf" 198.51.100.10 192.168.0.10 --from a@b.test --rcpt '<bob@lists.example.org>'
e 'relay attempts' 1 'recipient u%foreign.test@example.org: percent$
goes to example.org: ours by domains \(example.org, .*:16\)
then foreign.test: foreign$
it gets a 550, .*relay.tricks = refuse-recipient \(rules/isp-forwarding.conf:24\)$
recipient x@\[203.0.113.5\]: literal$
ours by public \(203.0.113.5, .*:14\)
recipient <postmaster>: bare$
recipient a\\x0ab@c@: malformed
cannot be read to its end: it gets a 550
^result +something is refused$' "$conf" 198.51.100.10 192.168.0.10 --rcpt 'u%foreign.test@example.org' --rcpt 'x@[203.0.113.5]' \
	--rcpt '<postmaster>' --rcpt $'a\nb@c@'
e 'many relay attempts' 1 'more than relay.max-refusals = 3 \(the default\): the transaction is deferred' "$conf" 198.51.100.10 192.168.0.10 \
	--rcpt a@x.test --rcpt b@x.test --rcpt c@x.test --rcpt d@x.test
e 'a stranger' 1 '^client +203.0.113.66: in no group
^rule +no rule: otherwise = refuse \(rules/isp-forwarding.conf:22\)$
^kernel +refuses it with a TCP reset and logs it$
goes to example.org: ours by domains
^ +ours: it is never said, the connection is refused before$
^ +foreign: it is never said, the connection is refused before; relay.action = refuse-recipient \(rules/isp-forwarding.conf:24\)$' "$conf" 203.0.113.66 192.168.0.10 \
	--rcpt a@example.org --rcpt x@foreign.test
t 'explain: what a refused stranger does not say' 1 out '"path":"x@foreign.test","said":false' \
	"$postern" explain --json -c "$conf" 203.0.113.66 192.168.0.10 --rcpt x@foreign.test
t 'explain: and no limit of his is reached' 1 out '^0$' sh -c "'$postern' explain -c '$conf' 203.0.113.66 192.168.0.10 \
	--rcpt a@x.test --rcpt b@x.test --rcpt c@x.test --rcpt d@x.test | grep -c -e max-refusals -e 'gets a'; exit 1"
e 'home, less not-home' 1 'not ours: taken out of home by not-home \(192.168.0.1, .*:6\)' "$conf" 192.168.0.1 192.168.0.10
e 'our own clients relay' 0 'the client is ours: in home \(fd00:25::/48, .*:5\)$
foreign, but the client is ours: it passes' "$conf" fd00:25::77 fd00:25::10 --rcpt x@foreign.test
e 'another port' 0 '^kernel +leaves it alone: the port is not among ports' "$conf" 203.0.113.66 192.168.0.10 --port 587
e 'a campus printer' 1 '^rule +printers: drop \(rules/campus.conf:21\)
^kernel +drops it unanswered and logs it' rules/campus.conf 172.16.99.7 172.16.1.25
e 'a client that may relay' 0 'the client is ours: in may-relay \(198.51.100.77, rules/campus.conf:16\)' rules/campus.conf \
	198.51.100.77 172.20.1.25 --rcpt x@foreign.test
e 'may relay there only' 1 'the client is not ours' rules/campus.conf 198.51.100.77 172.16.1.25 --rcpt x@foreign.test
e 'a hosted customer' 0 '^client +100.64.10.9: network "customers"$
^hook +forward, transit
^relaying +not judged: the server is none of ours' rules/hosting.conf 100.64.10.9 198.51.100.1 --rcpt x@foreign.test
e 'monitor mode refuses nothing' 0 'it passes, and is told as a relay attempt; relay.action = alert \(the default\)$
^result +it passes$' rules/monitor-only.conf 203.0.113.66 192.168.0.10 --rcpt x@foreign.test
sed 's/^mode.*/mode = monitor/' "$conf" >"$scratch/watching.conf"
chmod 644 "$scratch/watching.conf"
e 'monitor mode tells what enforce would do' 0 'for inspection and logs it; in mode enforce: refuses it with a TCP reset
told as a relay attempt; relay.action = refuse-recipient .*; in mode enforce: it is never said, the connection is refused before$
^result +it passes; in mode enforce something would be refused' "$scratch/watching.conf" 203.0.113.66 192.168.0.10 --rcpt x@foreign.test
e 'monitor mode tells what a recipient would get' 0 'told as a relay attempt; relay.action = refuse-recipient .*; in mode enforce: it gets a 550' \
	"$scratch/watching.conf" 198.51.100.10 192.168.0.10 --rcpt x@foreign.test
e 'the gateway as server' 1 '^server +the gateway at 203.0.113.5: servers, self, servers "gateway"$
^hook +input, inbound$
relay.action = refuse-recipient \(rules/gateway-mta.conf:19\)' rules/gateway-mta.conf 203.0.113.66 self@203.0.113.5 --rcpt x@foreign.test
e 'the gateway as client' 0 '^hook +output, outbound$
^rule +out: inspect' rules/gateway-mta.conf self@203.0.113.5 203.0.113.66
e 'loopback' 0 'what the gateway says to itself is never guarded' rules/gateway-mta.conf self ::1
sed 's/^otherwise.*/otherwise = refuse-session/' "$conf" >"$scratch/sessions.conf"
chmod 644 "$scratch/sessions.conf"
e 'a session that is refused at the greeting' 1 '^rule +no rule: otherwise = refuse-session \(.*:22\)
^kernel +lets it through up to the greeting, which becomes 554' "$scratch/sessions.conf" 203.0.113.66 192.168.0.10
sed '/^upstream/,/^}/c upstream "isp" { mx-of = { "example.org" } }' "$conf" >"$scratch/unresolved.conf"
chmod 644 "$scratch/unresolved.conf"
e 'an upstream that never resolved' 0 '^rule +in: inspect \(
NOT ENFORCED: upstream "isp" has never resolved, so anybody may be in it
^result +it passes$' "$scratch/unresolved.conf" 203.0.113.66 192.168.0.10
t 'explain: JSON of an upstream that never resolved' 0 out '"rule":\{"title":"in".*"unresolved":\["isp"\]' \
	"$postern" explain --json -c "$scratch/unresolved.conf" 203.0.113.66 192.168.0.10
sed 's/^otherwise.*/otherwise = inspect/; s/^relay.*/relay { action = slow }/' "$conf" >"$scratch/slow.conf"
chmod 644 "$scratch/slow.conf"
e 'a tar pit' 0 'foreign: the server decides; its refusals are held back for a while; relay.action = slow \(.*:24\)$
^result +it passes$' "$scratch/slow.conf" 203.0.113.66 192.168.0.10 --rcpt x@foreign.test
e 'never for upstreams' 0 'it passes, and is told as a relay attempt; relay.action = slow \(.*:24\); never for upstreams and servers$' \
	"$scratch/slow.conf" 198.51.100.10 192.168.0.10 --rcpt x@foreign.test
t 'check: volume blocks' 0 out '^volume    customers \(rules/hosting.conf:27\): customers: recipients 300/10m, 3000/1d; destinations 200/1h; spike 5 above 20 recipients an hour: alert$' \
	"$postern" check -c rules/hosting.conf
t 'check: behaviours with their limits' 0 out '^behaviour harvest: action alert; limit 20/10m; long-limit 100/1d; share 25 percent$' "$postern" check -c rules/hosting.conf
t 'check: what is kept' 0 out '^store     path /var/lib/postern/postern.db; keep 90d; keep-envelopes 7d$' "$postern" check -c rules/hosting.conf
t 'check: without climb no ladder' 1 out '^0$' sh -c "'$postern' check -c rules/hosting.conf | grep -cE '^(slow|ladder|shared) '"
cat >"$scratch/settings.conf" <<-'EOF'
	mode = enforce
	home = { "10.0.0.0/8" }
	shared = { "10.0.0.1", "10.0.0.2" }
	never-block = { "10.2.0.0/16" }
	store { path = "" }
	privacy { alerts = hash }
	harvest { action = climb  limit = 5/1m }
	fanout { enabled = no }
	auth-guess { action = block  block-for = 2h }
	ladder { rate = 4 }
EOF
{ sed 's/^relay .*/relay { action = block  tricks = refuse-recipient }/' rules/campus.conf; echo 'volume "short" { match = { "home" }  messages = 5/1m  spike = 0  action = refuse-session  block-for = 2h }'; } >"$scratch/relay-block.conf"
t 'check: for how long a volume block refuses' 0 out '^volume    short .*: home: messages 5/1m: refuse-session for 2h$' "$postern" check -c "$scratch/relay-block.conf"
checked() { # NAME PATTERN
	t "check: $1" 0 out "$2" "$postern" check -c "$scratch/settings.conf"
}
checked 'shared addresses' '^shared +10.0.0.1, 10.0.0.2$'
checked 'who is never blocked' '^never-block +10.2.0.0/16$'
checked 'a behaviour as it is written' '^behaviour harvest: action climb; limit 5/1m; long-limit 100/1d; share 25 percent$'
checked 'for how long a behaviour blocks' '^behaviour auth-guess: action block; block-for 2h; limit'
checked 'a behaviour that is off' '^behaviour fanout: off$'
checked 'the tar pit of a climb' '^slow      hold 8s; session 1m; packets 256$'
checked 'the rungs of a climb' '^ladder    slow-for 10m; limit-for 1h; block-for 1h; rate 4 connections a minute; calm 1h$'
t 'check: what relaying leads to' 0 out '^relay     action refuse-recipient; tricks refuse-recipient; max-refusals 3 recipients$' "$postern" check -c rules/campus.conf
t 'check: for how long it blocks' 0 out '^relay     action block; tricks refuse-recipient; block-for 1h; max-refusals' "$postern" check -c "$scratch/relay-block.conf"
checked 'what is remembered' '^watch     sources 65536; quiet 10m$'
checked 'what is hashed' '^privacy   local-parts keep; alerts hash$'
checked 'no store' '^store     none: nothing outlives posternd$'
checked 'where it is asked' '^control   path /run/postern/control.sock; group postern$'
t 'explain: who counts a client' 0 out '^volume    counted by "hosts" \(rules/isp-forwarding.conf:30\): recipients 100/1m, 1000/1h; connections 60/1m; spike 5 above' \
	"$postern" explain -c "$conf" 192.168.0.99 192.168.0.10
t 'explain: a server is counted by its own block' 0 out '^volume    counted by "mail"' "$postern" explain -c "$conf" 192.168.0.10 198.51.100.10
t 'explain: self is counted by its own block' 0 out '^volume    counted by "gateway"' "$postern" explain -c rules/gateway-mta.conf self 198.51.100.10
t 'explain: an upstream is not counted' 0 out '^volume    not counted: an upstream' "$postern" explain -c "$conf" 198.51.100.10 192.168.0.10
t 'explain: what it does not say' 0 out '^ +by the configuration alone: what is blocked, .* postern why ADDRESS, blocks and status say$' \
	"$postern" explain -c "$conf" 192.168.0.10 198.51.100.10
t 'explain: JSON of what counts' 0 out '"volume":\[\{"name":"hosts","key":"source","recipients":\["100/1m","1000/1h"\].*"place":"rules/isp-forwarding.conf:30"' \
	"$postern" explain --json -c "$conf" 192.168.0.99 192.168.0.10
t 'explain: JSON' 1 out '"recipients":\[\{"path":"x@foreign.test".*"place":"rules/isp-forwarding.conf:24","action":"refuse-recipient".*"refused":true' \
	"$postern" explain --json -c "$conf" 198.51.100.10 192.168.0.10 --rcpt x@foreign.test
{ printf '%s\n' 'mode = enforce' 'home = { 10.0.0.0/8 }' 'network "m" { addresses = { 203.0.113.9 } }' \
	'network "cg" { addresses = { 100.64.0.9 } }' 'never-block = { m }' 'shared = { cg }' \
	'servers "mx" { addresses = { 192.0.2.1 } domains = { example.org } }' \
	'rule "in" { from = any to = servers do = inspect }' 'relay { action = block tricks = refuse-recipient }' \
	'suppress "known" { rule = relay.attempt source = cg reason = "a test" }'; } >"$scratch/spared.conf"
e 'never-block' 1 '^spared    never-block names it: never blocked, and only told by the watch \(.*:5\)$
it gets a 550, the connection goes on; relay.action = block \(.*:9\), but never-block names the client: refuse-recipient$' \
	"$scratch/spared.conf" 203.0.113.9 192.0.2.1 --rcpt x@foreign.test
e 'shared' 1 '^spared    many are behind it, as shared says: .* \(.*:6\)$
it gets a 554, then the connection is reset; relay.action = block \(.*:9\), but the client is shared: refuse-session$
^suppress  "known" \(.*:10\): not told, and the client not blocked, limited or slowed for it: relay.attempt: a test$' \
	"$scratch/spared.conf" 100.64.0.9 192.0.2.1 --rcpt x@foreign.test
e 'neither' 1 'and the client is blocked; relay.action = block \(.*:9\)$' "$scratch/spared.conf" 198.51.100.1 192.0.2.1 --rcpt x@foreign.test
t 'explain: JSON of who is spared' 1 out '"spared":"shared","suppressed":\["known"\].*"action":"refuse-session","enforce":"refuse-session","written":"block"' \
	"$postern" explain --json -c "$scratch/spared.conf" 100.64.0.9 192.0.2.1 --rcpt x@foreign.test
{ sed 's/^shared = .*//' "$scratch/spared.conf"
	printf '%s\n' 'suppress "both" { rule = { relay.attempt, relay.accepted } source = 203.0.113.77 reason = "a test" }' \
		'suppress "taken" { rule = relay.accepted source = 203.0.113.78 reason = "a test" }'; } >"$scratch/hushed.conf"
e 'suppressed' 1 'it gets a 554, then the connection is reset; relay.action = block \(.*:9\), but suppress "known" covers it: refuse-session$' \
	"$scratch/hushed.conf" 100.64.0.9 192.0.2.1 --rcpt x@foreign.test
t 'explain: JSON of what is suppressed' 1 out '"action":"refuse-session","enforce":"refuse-session","written":"block","suppressed_by":"known"' \
	"$postern" explain --json -c "$scratch/hushed.conf" 100.64.0.9 192.0.2.1 --rcpt x@foreign.test
sed 's/^mode = .*/mode = monitor/' "$scratch/hushed.conf" >"$scratch/hushed-monitor.conf"
hushed() { # NAME CLIENT PATTERN
	e "suppressed: $1" 0 "$3" "$scratch/hushed-monitor.conf" "$2" 192.0.2.1 --rcpt x@foreign.test
}
hushed 'refused ones' 100.64.0.9 'foreign: it passes, and is told only if the server accepts it; .*; in mode enforce: it gets a 554, then the connection is reset$'
hushed 'accepted ones' 203.0.113.78 'foreign: it passes, and is told only if the server refuses it; .*; in mode enforce: .* and the client is blocked$'
hushed 'both' 203.0.113.77 'foreign: it passes, and is not told as a relay attempt; '
hushed 'neither' 198.51.100.1 'foreign: it passes, and is told as a relay attempt; '
t 'explain: one address' 2 err 'takes two addresses' "$postern" explain -c "$conf" 198.51.100.10
t 'explain: a bad address' 2 err '"192.168.0" is no address' "$postern" explain -c "$conf" 198.51.100.10 192.168.0
t 'explain: both families' 2 err 'one is IPv4, one IPv6' "$postern" explain -c "$conf" 198.51.100.10 fd00:25::10
t 'explain: a bad port' 2 err '"0" is no port' "$postern" explain -c "$conf" --port 0 198.51.100.10 192.168.0.10
t 'explain: an address that may be the gateway' 1 err '^note: if 203.0.113.5 is the gateway itself, write self@203.0.113.5$' "$postern" explain -c rules/gateway-mta.conf 198.51.100.10 203.0.113.5
t 'explain: a server beside the gateway is none' 1 out '^0$' sh -c "'$postern' explain -c '$conf' 198.51.100.10 192.168.0.10 2>&1 >/dev/null | grep -c note:"
e 'a path without a recipient' 1 'foreign, for it names no recipient at all: it gets a 550' "$conf" 198.51.100.10 192.168.0.10 --rcpt '<>'
t 'explain: recipients at self need its address' 2 err 'write self@ADDRESS' "$postern" explain -c rules/gateway-mta.conf 198.51.100.10 self --rcpt a@b
t 'explain: a bad configuration' 1 err 'nowhere.conf' "$postern" explain -c "$scratch/nowhere.conf" 198.51.100.10 192.168.0.10

t 'read: no capture' 2 err 'capture' "$postern" read
t 'read: no such file' 1 err 'nowhere.pcap.*No such file' "$postern" read "$scratch/nowhere.pcap"
if [ ! -e /etc/postern/postern.conf ]; then
	t 'check: without a file' 1 err 'postern.conf: No such file or directory; -c FILE names another one, or start from' "$postern" check
	t 'replay: without a configuration' 1 err 'No such file or directory; -c FILE names another one' "$postern" replay README.md
fi
t 'check: a folder' 1 err 'rules: cannot be read: Is a directory; name a file in it' "$postern" check -c rules
t 'read: a folder' 1 err 'rules: is a folder; name the captures in it' "$postern" read rules
printf '{"event_type":"smtp"}\n' >"$scratch/eve.json"
t 'read: records' 1 err 'eve.json: not a capture file .*postern replay reads' "$postern" read "$scratch/eve.json"
formats=$("$postern" read -f x - 2>&1 | sed -n "s/.*there are //p" | tr -d ,)
for command in read replay; do
	for format in $formats; do
		t "$command: help names the format $format" 0 out "^  -f FORMAT .*[ :]$format(,| or|\$)" "$postern" help "$command"
	done
done
t 'read: not a capture' 1 err 'README.md' "$postern" read README.md
t 'read: an empty file' 1 err 'null' "$postern" read /dev/null
t 'read: an unknown option' 2 err '^postern read: .*Z' "$postern" read -Z tests/pcap/plain.pcap
t 'incidents: no number' 2 err '"first" is no number of an incident' "$postern" incidents first
t 'incidents: one alone, whole' 2 err 'is shown whole, without other options' "$postern" incidents --open 4711
t 'ack: nothing' 2 err 'takes the numbers of incidents' "$postern" ack
t 'ack: no number' 2 err '"x" is no number' "$postern" ack 12 x
t 'mute: nobody' 2 err 'takes one address or prefix' "$postern" mute --for 1h
t 'mute: no time' 2 err '--for takes a time' "$postern" mute --for soon 192.0.2.1
t 'mute: bits behind the length' 2 err 'write 192.0.2.0/24' "$postern" mute 192.0.2.1/24
t 'sources: bits behind the length' 2 err 'write 192.0.2.0/24' "$postern" sources 192.0.2.1/24
t 'top: no address' 2 err '"nowhere" is no address or prefix' "$postern" top nowhere
t 'incidents: no address' 2 err '"nowhere" is no address or prefix' "$postern" incidents --source nowhere
t 'unblock: bits behind the length' 2 err 'write 2001:db8::/32' "$postern" unblock 2001:db8::1/32
t 'forget: nobody' 2 err 'takes an address, like 192.0.2.1, or a mailbox' "$postern" forget
t 'unmute: nobody' 2 err '"nowhere" is no address or prefix' "$postern" unmute nowhere
{ cat "$conf"; printf '%s\n' 'suppress "old" { rule = { starttls.unused, 1025413 } source = { home } until = "2020-01-01" reason = "printers" }'; } >"$scratch/suppress.conf"
{ cat "$conf"; printf '%s\n' 'suppress "bad" { rule = { starttls.unusd } until = tomorrow }' 'suppress "all" { reason = "x" }' 'suppress "every" { rule = all source = any reason = "x" }' 'suppress "half" { source = { 192.0.2.1, any } reason = "x" }' 'suppress "gate" { rule = audit reason = "x" }'; } >"$scratch/unsuppress.conf"
chmod 644 "$scratch/suppress.conf" "$scratch/unsuppress.conf"
t 'deps: without root, what to type' 1 err '^deps: installing packages needs root: sudo packaging/deps.sh install build lint$' packaging/deps.sh install build lint
# What lies where the store is to be and is none.
echo 'mode = monitor' >"$scratch/notes.txt"
mkdir "$scratch/folder.db"
ln -s notes.txt "$scratch/link.db"
python3 -c 'import sqlite3, sys
db = sqlite3.connect(sys.argv[1])
db.execute("CREATE TABLE notes (text)")' "$scratch/theirs.db"
for name in notes.txt folder.db link.db theirs.db; do
	{ cat "$conf"; echo "store { path = \"$scratch/$name\" }"; } >"$scratch/store-$name.conf"
done
chmod 644 "$scratch"/store-*.conf "$scratch/notes.txt" "$scratch/theirs.db"
t 'check: the store is a text' 0 err ':[0-9]+: warning: .*/notes.txt is no store of posternd.s and is left untouched: move it away, or name another path in store.path .*; until then nothing is kept$' "$postern" check -c "$scratch/store-notes.txt.conf"
t 'check: and counts it' 0 out '^warnings  1 ' "$postern" check -c "$scratch/store-notes.txt.conf"
t 'check: the store is a folder' 0 err ':[0-9]+: warning: .*/folder.db is a folder: name a file in it' "$postern" check -c "$scratch/store-folder.db.conf"
t 'check: the store is a symbolic link' 0 err ':[0-9]+: warning: .*/link.db is a symbolic link' "$postern" check -c "$scratch/store-link.db.conf"
t 'check: the store is a database of another program' 0 err ':[0-9]+: warning: .*another program.s database' "$postern" check -c "$scratch/store-theirs.db.conf"
t 'check: a suppression that has expired' 0 err ':[0-9]+: warning: suppress "old" has expired and has no effect since 2020-01-02T00:00:00.*; remove it' "$postern" check -c "$scratch/suppress.conf"
t 'posternd: a warning of the configuration says so once' 1 err '^posternd: warning: [^ ]*suppress.conf:[0-9]+: suppress "old" has expired' "$posternd" -c "$scratch/suppress.conf"
t 'check: a suppression of nothing' 1 err '"starttls.unusd" is no rule; did you mean starttls.unused\?' "$postern" check -c "$scratch/unsuppress.conf"
t 'check: until no time' 1 err 'suppress.until = "tomorrow" is no time' "$postern" check -c "$scratch/unsuppress.conf"
t 'check: a suppression without a reason' 1 err 'suppress "bad" gives no reason' "$postern" check -c "$scratch/unsuppress.conf"
t 'check: a suppression of everything' 1 err 'suppress "all" names neither rule nor source' "$postern" check -c "$scratch/unsuppress.conf"
t 'check: a suppression of everything, by name' 1 err 'suppress "every" names every rule and any source' "$postern" check -c "$scratch/unsuppress.conf"
t 'check: a suppression of everything, by half' 1 err 'suppress "half" names every rule and any source' "$postern" check -c "$scratch/unsuppress.conf"
t 'check: the gate is never suppressed' 1 err 'audit is about the gate itself' "$postern" check -c "$scratch/unsuppress.conf"
t 'check: an option without its value' 2 err '^postern check: .*argument' "$postern" check -c
t 'read: unknown format' 2 err 'there are eve, text, ecs, cef, syslog, syslog-cef' "$postern" read -f yaml tests/pcap/plain.pcap
t 'read: bad ports' 2 err 'ports' "$postern" read --ports 25,x tests/pcap/plain.pcap
t 'read: bad home' 1 err '^postern read: --home: "10.0.0"' "$postern" read --home 10.0.0 tests/pcap/plain.pcap
t 'read: -c and --home contradict' 2 err 'leave out' "$postern" read -c "$conf" --home 10.0.0.0/8 tests/pcap/plain.pcap
t 'read: text' 0 out 'bob|good@example.org' "$postern" read -f text tests/pcap/plain.pcap
cat >"$scratch/private.conf" <<EOF
home = { "192.168.0.0/16" }
servers "mail" { addresses = { "192.168.0.10" }  domains = { "example.org" } }
rule "in" { from = { "any" }  to = { "mail" } }
privacy { local-parts = hash  alerts = hash }
EOF
t 'read: local parts are hashed' 1 out '"rcpt_to":\["<hash-[0-9a-f]{16}@foreign.test>","<hash-[0-9a-f]{16}%foreign.test@example.org>"' \
	"$postern" read -c "$scratch/private.conf" tests/pcap/relay_refused.pcap
t 'read: no address is left' 1 out '^0$' sh -c "'$postern' read -c '$scratch/private.conf' tests/pcap/relay_refused.pcap 2>/dev/null | grep -oE '[^\"<> ]+@[a-z.]+' | grep -vc '^hash-'"
t 'read: summary on stderr' 0 err '1 transaction, 1 recipient, 0 findings' "$postern" read tests/pcap/plain.pcap
t 'read: a finding is status 1' 1 err '2 findings' "$postern" read --home 192.168.0.0/16 --domain example.org tests/pcap/relay_refused.pcap
mapfile -t many < <(for i in {1..257}; do printf -- '--home\n10.%d.0.0/16\n' $((i % 256)); done)
t 'read: too many --home' 2 err 'more than 256 times' "$postern" read "${many[@]}" tests/pcap/plain.pcap
t 'read: other ports only' 0 err ' 0 recipients' "$postern" read --ports 2525 tests/pcap/plain.pcap
head -c 2000 tests/pcap/plain.pcap >"$scratch/cut.pcap"
find "$scratch" -maxdepth 1 -type f -exec chmod 644 {} +
t 'read: a cut capture tells what it held' 1 out '"event_type":"smtp"' "$postern" read "$scratch/cut.pcap"
t 'read: and says that it is cut' 1 err 'cut.pcap.*(truncated|cut|middle)' "$postern" read "$scratch/cut.pcap"
t 'read: standard input' 0 err '1 recipient,' sh -c "'$postern' read - <tests/pcap/plain.pcap"

t 'read: gzip on standard input' 0 err '1 recipient,' sh -c "gzip -c tests/pcap/plain.pcap | '$postern' read -"
t 'read: a cut gzip file' 1 err 'standard input: damaged' sh -c "gzip -c tests/pcap/plain.pcap | head -c 400 | '$postern' read -"
t 'read: copies of packets are told' 1 err '^postern read: 35 packets captured a second time at another interface and skipped$' "$postern" read --home 192.168.0.0/16 --domain example.org tests/pcap/both_sides.pcap
t 'read: other ports' 0 err ' 1 recipient,' "$postern" read --ports 25,2525 tests/pcap/port_2525.pcap
t 'read: fragments are told' 0 err '[0-9]+ fragments of [0-9]+ datagrams, 0 never whole' "$postern" read tests/pcap/fragments.pcap

# Records through the watch again: the same alerts as from the capture they come from, whatever it holds. What only bytes show
# is not in records: smuggling, evasion, starttls.injection, header.leak.
printf '%s\n' 'home = { "192.168.0.0/16", "fd00::/8" }' 'servers "local" { addresses = { "192.168.0.0/16", "fd00::/8" }  domains = { "example.org" } }' \
	'otherwise = inspect' >"$scratch/again.conf"
chmod 644 "$scratch/again.conf"
alerts='select(.event_type == "alert" and (.alert.signature_id | IN(1025400, 1025401, 1025410, 1025420, 1025430) | not)) |
	del(.host, .postern, .in_iface, .timestamp, .incident.id, .incident.first_seen, .incident.last_seen, .incident.facets[]?.first_seen, .incident.facets[]?.last_seen)'
alerts_seen=0
for capture in tests/pcap/*.pcap*; do
	"${user[@]}" "$postern" read -c "$scratch/again.conf" "$capture" >"$scratch/once" 2>/dev/null
	"${user[@]}" "$postern" replay -c "$scratch/again.conf" - <"$scratch/once" >"$scratch/twice" 2>/dev/null
	if diff <(jq -cS "$alerts" "$scratch/once") <(jq -cS "$alerts" "$scratch/twice") >"$scratch/diff"; then
		passed=$((passed + 1))
		alerts_seen=$((alerts_seen + $(wc -l <"$scratch/twice")))
	else
		failed=$((failed + 1))
		echo "FAIL  the records of $capture raise other alerts than it does:"
		head -20 "$scratch/diff"
	fi
done
if [ "$alerts_seen" -gt 10 ]; then passed=$((passed + 1)); else failed=$((failed + 1)); echo "FAIL  only $alerts_seen alerts were raised again"; fi
"$postern" read -c "$scratch/again.conf" tests/pcap/relay_accepted_v6.pcap >"$scratch/relay.eve" 2>/dev/null
gzip -c "$scratch/relay.eve" >"$scratch/relay.eve.gz"
{ cat "$scratch/relay.eve"; echo '{"event_type":"smtp"'; echo '{"event_type":"smtp","timestamp":"never","postern":{"schema":1}}'; } >"$scratch/bad.eve"
sed 's/^otherwise.*/otherwise = refuse/' "$scratch/again.conf" >"$scratch/refuse.conf"
echo 'relay { action = refuse-recipient  tricks = refuse-recipient }' | cat "$scratch/again.conf" - >"$scratch/recipients.conf"
chmod 644 "$scratch"/*.conf "$scratch"/*.eve "$scratch"/*.gz
t 'replay: no file' 2 err 'name at least one file' "$postern" replay -c "$scratch/again.conf"
t 'replay: no such file' 1 err 'nowhere.eve: No such file' "$postern" replay -c "$scratch/again.conf" "$scratch/nowhere.eve"
t 'replay: and nothing is guessed of it' 1 err 'nothing could be judged$' "$postern" replay -c "$scratch/again.conf" "$scratch/nowhere.eve"
t 'replay: alerts alone say why nothing is judged' 4 err 'nothing could be judged .log.alerts-only leaves them out.$' \
	sh -c "'$postern' replay -c '$scratch/again.conf' '$scratch/relay.eve' 2>/dev/null | '$postern' replay -c '$scratch/again.conf' -"
t 'replay: numbers are short' 1 out '"took_s":[0-9]+\.[0-9]{1,3},' "$postern" replay --json -c "$scratch/again.conf" "$scratch/relay.eve"
t 'replay: no records at all' 1 err 'nothing could be judged .they are no eve.json; of a capture postern read makes one' "$postern" replay -c "$scratch/again.conf" README.md
t 'replay: a folder' 1 err 'tests: is a folder; name the files in it' "$postern" replay -c "$scratch/again.conf" tests
t 'replay: unknown format' 2 err 'there are eve, text, ecs, cef, syslog, syslog-cef' "$postern" replay -f yaml "$scratch/relay.eve"
t 'replay: a bad configuration' 1 err 'typo.conf:2' "$postern" replay -c "$scratch/typo.conf" "$scratch/relay.eve"
t 'replay: JSON behind the alerts' 1 out '^\{"postern":1,"command":"replay","mode":"monitor",.*"findings":[1-9].*"complete":true,"missing":\{\}\}$' \
	"$postern" replay --json -c "$scratch/recipients.conf" "$scratch/relay.eve"
t 'replay: and no words beside it' 0 out '^0$' sh -c "'$postern' replay --json -c '$conf' '$scratch/relay.eve' 2>&1 >/dev/null | wc -c"
t 'replay: what no record can answer' 1 out '"unjudged":\["relay.max-refusals","volume.spike"\],"unresolved":\["isp"\]' \
	"$postern" replay --json -c "$scratch/unresolved.conf" "$scratch/relay.eve"
t 'replay: and in words' 1 err '^postern replay: volume.spike: what is usual is learned' "$postern" replay -c "$conf" "$scratch/relay.eve"
t 'replay: nothing is found' 0 err '^delivered then: 1 mail to 1 recipient; that would have cost 0 of' \
	sh -c "'$postern' read tests/pcap/plain.pcap 2>/dev/null | '$postern' replay -c '$scratch/again.conf' -"
t 'replay: gzip, text' 1 out ' ALERT .* 1025101 relay.accepted ' "$postern" replay -f text -c "$scratch/again.conf" "$scratch/relay.eve.gz"
t 'replay: alerts alone' 1 out '^0$' sh -c "'$postern' replay -c '$scratch/again.conf' '$scratch/relay.eve' | grep -c '\"event_type\":\"smtp\"'; exit 1"
t 'replay: the records, too' 1 out '"event_type":"smtp"' "$postern" replay --records -c "$scratch/again.conf" "$scratch/relay.eve"
t 'replay: a cut gzip file' 1 err 'standard input: damaged' sh -c "head -c 300 '$scratch/relay.eve.gz' | '$postern' replay -c '$scratch/again.conf' -"
lines=$(wc -l <"$scratch/relay.eve")
t 'replay: bad lines are told' 1 err "bad.eve:$((lines + 1)): it is no JSON" "$postern" replay -c "$scratch/again.conf" "$scratch/bad.eve"
t 'replay: and counted' 1 err '2 bad lines' "$postern" replay -c "$scratch/again.conf" "$scratch/bad.eve"
t 'replay: a rule that refuses' 1 err ' refuse .* 1 +1 +1  rule$' "$postern" replay -c "$scratch/refuse.conf" "$scratch/relay.eve"
t 'replay: in enforce mode it does not happen' 1 out '^1025500$' sh -c "'$postern' replay --enforce -c '$scratch/refuse.conf' '$scratch/relay.eve' | jq .alert.signature_id | sort -u; exit 1"
t 'replay: a recipient that would be refused' 1 err 'refuse-recipient .* 0 +1 +1  recipients$' "$postern" replay -c "$scratch/recipients.conf" "$scratch/relay.eve"
t 'replay: and is, in enforce mode' 1 out '"outcome":"refused-by-postern"' "$postern" replay --enforce -c "$scratch/recipients.conf" "$scratch/relay.eve"
t 'replay: ports that are not guarded' 0 err '^left out: 1 connection to ports that this configuration does not guard' \
	sh -c "'$postern' read tests/pcap/port_2525.pcap 2>/dev/null | '$postern' replay -c '$scratch/again.conf' -"

# What asks a running posternd: without one.
for command in seen incidents 'incidents 4711' 'ack 4711' 'mute 192.0.2.0/24' 'unmute 192.0.2.0/24' mutes reload 'why 192.0.2.1' 'bypass 30m' 'bypass off' blocks 'block 192.0.2.1 2001:db8::/32' 'unblock 192.0.2.1'; do
	# shellcheck disable=SC2086 # words
	t "$command: nobody answers" 3 err "nobody answers at $scratch/none.sock: .*posternd does not run \(systemctl start postern\), or listens elsewhere \(--socket" "$postern" $command --socket "$scratch/none.sock"
done
t 'status: nobody answers, and who may not read the rules claims nothing of them' 3 out 'NOT KNOWN: nobody answers at .*none.sock, posternd DOES NOT RUN .*could not be read$' "$postern" status --socket "$scratch/none.sock"
t 'status: why not' 3 out '^rules     could not be read: .*Operation not permitted; run as root' "$postern" status --socket "$scratch/none.sock"
t 'status: the next step' 3 out 'systemctl start postern; --socket PATH or -c FILE' "$postern" status --socket "$scratch/none.sock"
t 'status: nobody answers, in JSON' 3 out '"running":false,"enforced":null,"tables":null,"rules_unknown":".*not permitted' "$postern" status --json --socket "$scratch/none.sock"
# One that takes each request and hangs up.
python3 -c '
import socket, sys
s = socket.socket(socket.AF_UNIX)
s.bind(sys.argv[1])
s.listen()
print("ready", flush=True)
while True:
    asked = s.accept()[0]
    asked.recv(65536)
    asked.close()' "$scratch/hangs-up.sock" >"$scratch/ready" &
hangs_up=$!
trap 'kill $hangs_up; rm -rf "$scratch"' EXIT
for _ in $(seq 100); do
	grep -q ready "$scratch/ready" && break
	sleep 0.1
done
chmod 666 "$scratch/hangs-up.sock"
for command in seen status 'forget 192.0.2.1'; do
	# shellcheck disable=SC2086 # words
	t "$command: an answer that is cut" 3 err "^postern [a-z]*: no whole answer came from $scratch/hangs-up.sock: Connection reset by peer; is posternd well" \
		"$postern" $command --socket "$scratch/hangs-up.sock"
	t "$command: and nothing more" 0 out '^1$' echo "$(cat "$scratch/out" "$scratch/err" | wc -l)"
done
t 'status: the socket of the configuration' 3 out 'nobody answers at /run/postern/control.sock' "$postern" status -c "$conf"
printf 'control { path = "" }\n' >"$scratch/silent.conf"
chmod 644 "$scratch/silent.conf"
t 'status: a posternd that cannot be asked' 2 err 'control.path is empty' "$postern" status -c "$scratch/silent.conf"
# A broken configuration: the socket is still its own, unless that can't be read either.
printf 'control { path = "%s/none.sock" }\nhome = { "192.0.2.0/24" }\nmoed = monitor\n' "$scratch" >"$scratch/wrong.conf"
printf 'home = { "192.0.2.0/24\ncontrol { path = "%s/none.sock" }\n' "$scratch" >"$scratch/broken.conf"
chmod 644 "$scratch/wrong.conf" "$scratch/broken.conf"
t 'status: the socket of a wrong configuration' 3 out "nobody answers at $scratch/none.sock, posternd DOES NOT RUN" "$postern" status -c "$scratch/wrong.conf"
t 'reload: the socket of a wrong configuration' 3 err "nobody answers at $scratch/none.sock" "$postern" reload -c "$scratch/wrong.conf"
t 'status: the socket is not known' 3 out '^NOT KNOWN: nobody answers at /run/postern/control.sock, .*--socket PATH' "$postern" status -c "$scratch/broken.conf"
t 'status: the socket is not known, in JSON' 3 out '"running":null,"enforced":null' "$postern" status --json -c "$scratch/broken.conf"
t 'seen: the socket is not known' 3 err 'broken.conf cannot be used .*so its control.path is not known' "$postern" seen -c "$scratch/broken.conf"
t 'reload: the socket is not known' 1 err 'broken.conf:1: a string begins here' "$postern" reload -c "$scratch/broken.conf"
t 'incidents: a bad limit' 2 err '^postern incidents: --limit takes a number above 0$' "$postern" incidents --limit 0 --socket "$scratch/none.sock"
t 'status: too much' 2 err '"now" is too much' "$postern" status now
t 'why: no address' 2 err 'takes one address' "$postern" why --socket "$scratch/none.sock"
t 'why: a bad address' 2 err 'takes one address' "$postern" why 192.0.2 --socket "$scratch/none.sock"
t 'block: nobody' 2 err 'takes addresses or prefixes, or -f FILE' "$postern" block --socket "$scratch/none.sock"
t 'block: a bad time' 2 err '--for takes a time' "$postern" block --for 30x 192.0.2.1 --socket "$scratch/none.sock"
t 'block: no address' 1 err '"192.0.2" is no address or prefix' "$postern" block 192.0.2 --socket "$scratch/none.sock"
t 'block: bits behind the length' 1 err 'write 192.0.2.0/24' "$postern" block 192.0.2.1/24 --socket "$scratch/none.sock"
t 'block: no such file' 1 err 'nowhere: No such file' "$postern" block -f "$scratch/nowhere" --socket "$scratch/none.sock"
t 'block: an empty file' 1 err 'standard input has no address' sh -c "echo '# none' | '$postern' block -f - --socket '$scratch/none.sock'"
t 'block: a bad line' 1 err 'standard input:2: "x" is no address' sh -c "printf '192.0.2.1\nx\n' | '$postern' block -f - --socket '$scratch/none.sock'"
printf 'store { path = "%s/none.db" }\n' "$scratch" >"$scratch/none.conf"
chmod 644 "$scratch/none.conf"
t 'forget: nobody, and no store' 3 err 'posternd does not answer at .*none.sock, and there is no store' "$postern" forget 192.0.2.1 --socket "$scratch/none.sock" -c "$scratch/none.conf"
mkdir "$scratch/closed"
printf 'store { path = "%s/closed/store.db" }\n' "$scratch" >"$scratch/closed.conf"
chmod 644 "$scratch/closed.conf"
chmod 000 "$scratch/closed"
[ "$(id -u)" -ne 0 ] || chown 0:0 "$scratch/closed"
t 'forget: a store that cannot be read' 3 err 'the store .*closed/store.db cannot be used: Permission denied; run as root' "$postern" forget 192.0.2.1 --dry-run --socket "$scratch/none.sock" -c "$scratch/closed.conf"
t 'forget: no address' 2 err 'is no address, like 192.0.2.1 or 2001:db8::1, and no mailbox' "$postern" forget nobody --socket "$scratch/none.sock"
t 'forget: too many' 2 err '"10.0.0.0/8" is wider than a /24' "$postern" forget 10.0.0.0/8 --socket "$scratch/none.sock"
t 'unblock: nobody' 2 err 'takes one address or prefix' "$postern" unblock --socket "$scratch/none.sock"
t 'bypass: no time' 2 err 'takes a time from 1s to 1d' "$postern" bypass --socket "$scratch/none.sock"
t 'bypass: for ever' 2 err 'takes a time from 1s to 1d' "$postern" bypass 2d --socket "$scratch/none.sock"
t 'bypass: a bad unit' 2 err 'takes a time from 1s to 1d' "$postern" bypass 30x --socket "$scratch/none.sock"

# The project's own captures: made again they are the same, and give the records that lie beside them.
mkdir "$scratch/made"
python3 tests/pcap/make.py "$scratch/made"
for capture in tests/pcap/*.pcap*; do
	name=$(basename "${capture%%.*}")
	if ! cmp -s "$capture" "$scratch/made/$(basename "$capture")"; then
		failed=$((failed + 1))
		echo "FAIL  $capture is not what tests/pcap/make.py makes"
		continue
	fi
	"${user[@]}" "$postern" read --home 192.168.0.0/16 --home fd00::/8 --domain example.org "$capture" 2>/dev/null |
		jq -cS 'del(.host, .postern.version)' >"$scratch/$name.eve"
	if diff -u "tests/pcap/$name.eve" "$scratch/$name.eve" >"$scratch/diff"; then
		passed=$((passed + 1))
	else
		failed=$((failed + 1))
		echo "FAIL  records of $capture differ:"
		head -40 "$scratch/diff"
	fi
done

# A full disk loses records with a count.
if [ -w /dev/full ]; then
	t 'read: records that cannot be written are told' 1 err 'records were not written' sh -c "'$postern' read tests/pcap/plain.pcap >/dev/full"
fi

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
