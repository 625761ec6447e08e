#!/bin/bash
# servers.sh - the mail servers of the lab: real Postfix, Exim and OpenSMTPD, and smtp-sink; lab.sh sources it.
#
#   lab_postfix | lab_exim | lab_opensmtpd  HOST HOSTNAME DOMAIN... [SETTING]...
#
# starts one on port 25 of that host. It is called HOSTNAME, takes mail for any local part of the DOMAINs and refuses to
# relay. Each recipient has a maildir: $LAB_DIR/mail-HOST/RECIPIENT/new/. Log: log/SERVER-HOST.log. `lab_kill SERVER-HOST`
# stops it; then it may be started again, with other settings. A SETTING is a line of the server's own configuration,
# and replaces the one below that sets the same; Postfix's and Exim's contain a "=", OpenSMTPD's begins with "smtp " or "pki ".
#
#   lab_open_relay SERVER HOST HOSTNAME DOMAIN... [SETTING]...
#
# the same, but it says 250 to everybody's foreign recipients and silently discards what it took for them: no mail leaves.
#
# Nothing here names a file outside of LAB_DIR, nothing asks DNS or waits, and messages may have 200 MB. All other limits are the
# server's own: how many errors, unknown commands and mails a connection may have is what tests want to know. Only
# Postfix is told not to punish clients by waiting, and what newer ones forbid is allowed, so that it is the same with
# every release.
#
# Limits. What a recipient's name cannot be as a folder goes to "odd"; Delivered-To or the log tells who it was. The open
# relays of Exim and OpenSMTPD take what their own parsers take, which is less than what Postfix's does.

# lab_server SERVER HOST HOSTNAME DOMAIN... [SETTING]... - reads the arguments of the functions below into these, and
# makes $base and the maildirs' folder.
lab_server() {
    local server=$1

    lab_need_peer "$server"
    host=$2 name=$3 base=$LAB_DIR/$server-$2 domains=()
    shift 3
    while [[ $# -gt 0 && $1 != *[=\ ]* ]]; do
        domains+=("$1")
        shift
    done
    settings=("$@")
    mkdir -p "$LAB_DIR/mail-$host" "$base"
    lab_deliver_script >"$base/deliver"
}

# lab_settings_merged [LINE]... - prints "KEY = VALUE" lines from its input and the LINEs, of each key the last.
lab_settings_merged() {
    { cat; printf '%s\n' "$@"; } | awk 'match($0, / *= */) {
        key = substr($0, 1, RSTART - 1)
        if (!(key in line)) order[++n] = key
        line[key] = key " = " substr($0, RSTART + RLENGTH)
    } END { for (i = 1; i <= n; i++) print line[order[i]] }'
}

lab_open_relay() {
    local server=postfix

    case $1 in
    postfix | exim | opensmtpd)
        server=$1
        shift
        ;;
    esac
    case $server in
    postfix) lab_postfix "$@" 'mynetworks = 0.0.0.0/0 [::]/0' 'default_transport = discard:' ;;
    exim) lab_exim "$@" 'acl_smtp_rcpt = accept' ;;
    opensmtpd) lab_opensmtpd "$@" 'match from any for any action "discard"' ;;
    esac
}

# ---- Postfix ----

lab_postfix() {
    local host name base domains settings

    lab_server postfix "$@"
    mkdir -p "$base"/{conf,data} "$base"/queue/{pid,public,private,maildrop,incoming,active} \
        "$base"/queue/{deferred,defer,bounce,trace,hold,corrupt,flush,saved}
    lab_peer "$host" postfix chown postfix "$base"/data "$base"/queue/*
    chown root "$base"/queue/pid
    chown nobody "$LAB_DIR/mail-$host"
    lab_postfix_settings "$host" "$name" "${domains[@]}" | lab_settings_merged "${settings[@]}" >"$base/conf/main.cf"
    touch -d '1 minute ago' "$base/conf/main.cf"        # Postfix waits for a file younger than two seconds to settle
    lab_postfix_services "$host" >"$base/conf/master.cf"

    lab_spawn "$host" "postfix-$host" "$LAB_HOME/peer.sh" postfix /usr/lib/postfix/sbin/master -c "$base/conf"
    lab_wait 10 "Postfix on $host to listen" lab_listens "$host" 25
}

lab_postfix_settings() {
    local host=$1 name=$2

    shift 2
    cat <<-EOT
	compatibility_level = 3.6
	meta_directory = $LAB_DIR/postfix-$host/conf
	queue_directory = $LAB_DIR/postfix-$host/queue
	data_directory = $LAB_DIR/postfix-$host/data
	maillog_file = $LAB_DIR/log/postfix-$host.log
	maillog_file_prefixes = $LAB_DIR
	myhostname = $name
	mydomain = $1
	myorigin = $1
	mydestination = $name localhost
	mynetworks = 127.0.0.0/8 [::1]/128
	inet_protocols = all
	smtpd_relay_restrictions = permit_mynetworks reject_unauth_destination
	smtpd_peername_lookup = no
	smtp_host_lookup = native
	virtual_mailbox_domains = $*
	virtual_mailbox_maps = static:any
	local_recipient_maps =
	alias_maps =
	alias_database =
	virtual_transport = maildir
	local_transport = maildir
	maildir_destination_recipient_limit = 1
	message_size_limit = 209715200
	mailbox_size_limit = 0
	smtpd_client_connection_count_limit = 0
	smtpd_error_sleep_time = 0
	smtpd_forbid_unauth_pipelining = no
	smtpd_forbid_bare_newline = no
	in_flow_delay = 0
	EOT
}

lab_postfix_services() {
    cat <<-EOT
	25       inet       n - n -     - smtpd
	pickup   unix       n - n 60    1 pickup
	cleanup  unix       n - n -     0 cleanup
	qmgr     unix       n - n 300   1 qmgr
	tlsmgr   unix       - - n 1000? 1 tlsmgr
	rewrite  unix       - - n -     - trivial-rewrite
	bounce   unix       - - n -     0 bounce
	defer    unix       - - n -     0 bounce
	trace    unix       - - n -     0 bounce
	verify   unix       - - n -     1 verify
	flush    unix       n - n 1000? 0 flush
	proxymap unix       - - n -     - proxymap
	smtp     unix       - - n -     - smtp
	relay    unix       - - n -     - smtp
	showq    unix       n - n -     - showq
	error    unix       - - n -     - error
	retry    unix       - - n -     - error
	discard  unix       - - n -     - discard
	anvil    unix       - - n -     1 anvil
	scache   unix       - - n -     1 scache
	postlog  unix-dgram n - n -     1 postlogd
	maildir  unix       - n n -     - pipe flags=DORX user=nobody
	  argv=/bin/sh $LAB_DIR/postfix-$1/deliver $LAB_DIR/mail-$1 \${recipient} \${queue_id}
	EOT
}

# ---- Exim ----

lab_exim() {
    local host name base domains settings

    lab_server exim "$@"
    mkdir -p "$base"/{spool,log}
    touch "$LAB_DIR/log/exim-$host.log"
    ln -sf "$LAB_DIR/log/exim-$host.log" "$base/log/main"
    ln -sf "$LAB_DIR/log/exim-$host.log" "$base/log/reject"
    ln -sf "$LAB_DIR/log/exim-$host.log" "$base/log/panic"
    lab_peer "$host" exim chown Debian-exim "$base"/{spool,log} "$LAB_DIR/mail-$host" "$LAB_DIR/log/exim-$host.log"
    {
        lab_exim_settings "$host" "$name" "${domains[@]}" | lab_settings_merged "${settings[@]}"
        lab_exim_sections "$host" "$name" "${domains[@]}"
    } >"$base/exim.conf"
    lab_spawn "$host" "exim-$host" "$LAB_HOME/peer.sh" exim /usr/sbin/exim4 -bdf -q1h -C "$base/exim.conf"
    lab_wait 10 "Exim on $host to listen" lab_listens "$host" 25
}

# Exim drops root when it reads another file than its own, so all of it but the listener runs as its own user.
lab_exim_settings() {
    local base=$LAB_DIR/exim-$1

    cat <<-EOT
	spool_directory = $base/spool
	log_file_path = $base/log/%s
	pid_file_path = $base/exim.pid
	primary_hostname = $2
	qualify_domain = $3
	deliver_drop_privilege = true
	keep_environment =
	allow_domain_literals = true
	recipient_unqualified_hosts = *
	host_lookup =
	rfc1413_hosts =
	tls_advertise_hosts =
	auth_advertise_hosts =
	message_size_limit = 200M
	check_spool_space = 0
	log_selector = +received_recipients
	acl_smtp_rcpt = check_rcpt
	EOT
}

lab_exim_sections() {
    local base=$LAB_DIR/exim-$1 host=$1 domains

    printf -v domains '%s : ' "${@:2}"
    cat <<-EOT
	domainlist ours = ${domains}localhost : @[]

	begin acl
	check_rcpt:
	  accept domains = +ours
	  accept authenticated = *
	  deny message = relay not permitted

	begin routers
	ours:
	  driver = accept
	  domains = +ours
	  transport = maildir
	foreign:
	  driver = accept
	  transport = discard

	begin transports
	maildir:
	  driver = pipe
	  command = /bin/sh $base/deliver $LAB_DIR/mail-$host
	  message_prefix =
	  message_suffix =
	  temp_errors = *
	discard:
	  driver = appendfile
	  file = /dev/null

	begin authenticators
	plain:
	  driver = plaintext
	  public_name = PLAIN
	  server_prompts = :
	  server_condition = \${if and{{eq{\$auth2}{user}}{eq{\$auth3}{secret}}}}
	EOT
}

# ---- OpenSMTPD ----

# The paths of its queue and its socket are compiled in, so it gets a /var of its own; and it asks DNS for every client,
# unless resolv.conf says to look into /etc/hosts alone.
lab_opensmtpd() {
    local host name base domains settings

    lab_server opensmtpd "$@"
    mkdir -p "$base"/var/{run,lib/opensmtpd/empty,spool/smtpd,tmp}
    chmod 711 "$base/var/spool/smtpd"
    chown nobody "$LAB_DIR/mail-$host"
    lab_opensmtpd_settings "$host" "$name" "${domains[@]}" >"$base/smtpd.conf"
    printf '%s\n' 'lookup file' 'nameserver 127.0.0.1' >"$base/resolv.conf"
    # shellcheck disable=SC2016
    lab_spawn "$host" "opensmtpd-$host" "$LAB_HOME/peer.sh" opensmtpd sh -c '
        { [ ! -e /etc/resolv.conf ] || mount --bind "$1/resolv.conf" /etc/resolv.conf; } &&
            mount --bind "$1/var" /var && exec smtpd -d -f "$1/smtpd.conf"' sh "$base"
    lab_wait 10 "OpenSMTPD on $host to listen on IPv4" lab_listens "$host" 25 4
    lab_wait 10 "OpenSMTPD on $host to listen on IPv6" lab_listens "$host" 25 6
}

lab_opensmtpd_settings() {
    local base=$LAB_DIR/opensmtpd-$1 host=$1 hostname=$2 setting listen="" domains

    printf -v domains '"%s", ' "${@:2}"
    for setting in "${settings[@]}"; do
        case $setting in
        listen\ *) listen=${setting#listen } ;;
        match\ *) ;;
        *) echo "$setting" ;;
        esac
    done
    cat <<-EOT
	smtp max-message-size 200M
	listen on 0.0.0.0 hostname "$hostname" $listen
	listen on :: hostname "$hostname" $listen
	action "maildir" mda "/bin/sh $base/deliver $LAB_DIR/mail-$host" virtual { "@" = nobody }
	action "discard" mda "/bin/cat >/dev/null" virtual { "@" = nobody }
	match from any for domain { $domains"localhost" } action "maildir"
	EOT
    printf '%s\n' "${settings[@]}" | grep '^match ' || true
}

# ---- mailboxes ----

# The delivery agent, in the arguments of Postfix or the environment of the others: who the mail is for, and its id.
# Postfix's own virtual(8) is faster, but refuses a table that makes the path from the recipient.
lab_deliver_script() {
    cat <<-'EOT'
	name=${2:-${ORIGINAL_RECIPIENT:-$RECIPIENT}}
	case $name in */* | .*) name=odd ;; esac
	[ ${#name} -le 200 ] || name=odd
	box=$1/$name
	mail=${3:-${MESSAGE_ID:-id}}.$$
	[ -d "$box/new" ] || mkdir -p "$box/tmp" "$box/cur" "$box/new" && cat >"$box/tmp/$mail" && mv "$box/tmp/$mail" "$box/new/$mail" || exit 75
	EOT
}

# lab_mails HOST RECIPIENT - prints the files of the mails that the server on HOST has delivered to RECIPIENT.
lab_mails() {
    local box=$LAB_DIR/mail-$1/$2/new

    [[ ! -d $box ]] || find "$box" -type f
}

# lab_arrived HOST RECIPIENT [COUNT] - tells whether these are (at least) COUNT (1) mails.
lab_arrived() {
    [[ $(lab_mails "$1" "$2" | wc -l) -ge ${3:-1} ]]
}

# lab_sink HOST [PORT [OPTION...]] - starts smtp-sink, which takes everything, on PORT (25) of both families; OPTIONs are
# passed to it. Each mail is a file in $LAB_DIR/sink-HOST-PORT/ that begins with X-Client-Addr, X-Helo-Args,
# X-Mail-Args and X-Rcpt-Args. `lab_kill sink-HOST-PORT` stops it.
lab_sink() {
    local host=$1 port=${2:-25}
    local name=sink-$host-$port

    lab_need_peer postfix
    shift $(($# < 2 ? $# : 2))
    mkdir -p "$LAB_DIR/$name"
    chown nobody "$LAB_DIR/$name"
    # One smtp-sink listens on one family only. The shell is the leader of both and takes them along when it is ended.
    # shellcheck disable=SC2016
    lab_spawn "$host" "$name" "$LAB_HOME/peer.sh" postfix bash -c '
        trap "trap - TERM; kill 0" TERM
        smtp-sink "${@:2}" "0.0.0.0:$1" 1000 & smtp-sink "${@:2}" "[::]:$1" 1000 & wait' \
        sink "$port" -u nobody -h "sink.$host.example" -d "$LAB_DIR/$name/%H%M%S." "$@"
    lab_wait 5 "smtp-sink on $host to listen on IPv4" lab_listens "$host" "$port" 4
    lab_wait 5 "smtp-sink on $host to listen on IPv6" lab_listens "$host" "$port" 6
}

