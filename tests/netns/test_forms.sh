#!/bin/bash
# test_forms.sh - what a real server would send on to somebody else's host is foreign to us. The table of address forms, paths
# that once slipped through, and honest addresses go to open relays; none that was judged ours may leave them, and the
# honest ones arrive. Nothing stands in between: the judgement is asked for beside the mail (build/*/corpus/address).
# WAY=closed TABLE=FILE: the same with closed servers; what each made of each form, as docs/FORMS.md needs it.
# time-limit: 300
# lean: what servers make of addresses

set -eu
# shellcheck source-path=SCRIPTDIR source=lab.sh
. "$(dirname "$0")/lab.sh"

lab_up
lab_need python3 make
BUILD=${BUILD:-build/release}
make -s -C "$LAB_HOME/../.." B="$BUILD" "$BUILD/corpus/address" >/dev/null
[[ $BUILD == /* ]] || BUILD=$LAB_HOME/../../$BUILD
way=${WAY:-open}

# forms_of IP4 IP6 - prints the table for a server at these addresses, then the other paths, judged in the same way.
forms_of() {
    local parts=(victim=vzz foreign=foreign.test user=uzz domain=example.org host=mx.example.org ip4="$1" ip6="$2" sink=198.51.100.99)
    local kind rcpt

    "$BUILD/corpus/address" "${parts[@]}" --forms
    while read -r kind rcpt; do
        printf '%s\t<uzz@client.example>\t%s\t' "$kind" "$rcpt"
        "$BUILD/corpus/address" "${parts[@]}" --rcpt <<<"$rcpt"
    done <<-'EOT'
	seen <>vzz@foreign.test>
	seen <>vzz%foreign.test@mx.example.org>
	seen <!foreign.test!vzz@mx.example.org>
	seen <vzz%foreign.test%@mx.example.org>
	seen <vzz%foreign.test%%localhost@mx.example.org>
	seen <,foreign.test!vzz@mx.example.org>
	seen <;foreign.test!vzz@mx.example.org>
	seen <x:vzz@foreign.test;>
	seen <vzz%foreign.test,>
	seen <[198.51.100.99].!vzz@mx.example.org>
	seen <uzz@example.org>@foreign.test
	seen <uzz@example.org> <vzz@foreign.test>
	seen vzz@foreign.test <uzz@example.org>
	seen <uzz@example.org(>)@foreign.test>
	honest <uzz>
	honest <uzz@mx.example.org>
	honest <UZZ@Example.ORG>
	honest <uzz@localhost>
	honest <SRS0=HHH=TT=foreign.test=uzz@mx.example.org>
	honest <SRS1=HHH=fwd.test==HHH=TT=foreign.test=uzz@mx.example.org>
	honest <prvs=0123456789=uzz@mx.example.org>
	honest <list-bounces+uzz=foreign.test@mx.example.org>
	honest <uzz+foreign.test@example.org>
	honest <IMCEAEX-_O=ORG_CN=uzz+40foreign+2Etest@mx.example.org>
	honest </G=uzz/S=doe/O=x/@mx.example.org>
	EOT
}

# forms_sent SERVER HOST IP4 IP6 - what it made of them, in sent.SERVER.
forms_sent() {
    if [[ $way == open ]]; then
        lab_open_relay "$1" "$2" mx.example.org example.org
    else
        "lab_$1" "$2" mx.example.org example.org
    fi
    forms_of "$3" "$4" >"$LAB_DIR/forms.$1"
    lab_in stranger "$LAB_HOME/forms.py" "$1" "$3" "$LAB_DIR/log/$1-$2.log" <"$LAB_DIR/forms.$1" >"$LAB_DIR/sent.$1"
}

# The slow ones side by side: they take a process for each mail.
forms_sent postfix mail 192.168.10.10 fd00:25:10::10
forms_sent exim lan 192.168.20.20 fd00:25:20::20 &
exim=$!
forms_sent opensmtpd isp 198.51.100.10 2001:db8:25::10 &
wait "$exim" $!

left="\$7 ~ /(^| )\\*/"
for server in postfix exim opensmtpd; do
    sent=$LAB_DIR/sent.$server
    [[ -z ${TABLE:-} ]] || sed "s/^/$server\t$way\t/" "$sent" >>"$TABLE"
    [[ $(wc -l <"$sent") -gt 120 ]] || lab_fail "$server was asked too little"
    wrong=$(awk -F '\t' "$left && (\$5 == \"ours\" || \"$way\" == \"closed\")" "$sent")
    [[ -z $wrong ]] || lab_fail "$server sends on what was taken for ours:"$'\n'"$wrong"
    wrong=$(awk -F '\t' '$1 == "honest" && ($5 != "ours" || $6 != 250 || $7 == "-")' "$sent")
    [[ -z $wrong ]] || lab_fail "$server or we did not take what is honest:"$'\n'"$wrong"
done
# Or nothing was asked at all: Postfix follows routes, percent and bang paths, Exim and OpenSMTPD routes alone.
follows() {
    awk -F '\t' "$left" "$LAB_DIR/sent.$1" | wc -l
}
[[ $way == closed || ($(follows postfix) -gt 60 && $(follows exim) -gt 15 && $(follows opensmtpd) -gt 15) ]] ||
    lab_fail "too little was sent on: $(follows postfix), $(follows exim), $(follows opensmtpd)"
