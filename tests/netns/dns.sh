# shellcheck shell=bash
# dns.sh - a real DNS for a lab: nsd at the host `stranger` has the zones, unbound at the host `lan` asks it. To be sourced
# after lab.sh, when the lab is up. Names live for a second.
#
# dns_need [NAME...]       skips the test unless nsd, unbound and these are unpacked (make peers)
# dns_conf NSD UNBOUND MODULES ZONE FILE...   writes both configurations: addresses, unbound's module-config, and for each
#                          zone the file that nsd reads, in $LAB_DIR/dns
# dns_soa NAME NSD         prints the first records of a zone, with another serial each time
# dns_reload               nsd reads its zones again, if it runs
# dns_nsd_start, dns_unbound_start

mkdir "$LAB_DIR/dns"

# tree NAME - the command that runs a program from where it is unpacked
tree() {
    local dirs

    dirs=$(find "$REPO/build/peers/$1/usr/lib" -name '*.so*' -printf '%h\n' 2>/dev/null | sort -u | paste -sd:)
    echo "env LD_LIBRARY_PATH=$dirs $REPO/build/peers/$1/usr"
}

dns_need() {
    local name

    for name in nsd unbound "$@"; do
        [[ -d $REPO/build/peers/$name/usr ]] || lab_skip "$name is not unpacked: make peers"
    done
}

dns_conf() {
    local nsd=$1 unbound=$2 modules=$3

    shift 3
    cat >"$LAB_DIR/dns/nsd.conf" <<EOT
server:
    ip-address: $nsd
    username: ""
    zonesdir: "$LAB_DIR/dns"
    database: ""
    pidfile: ""
    xfrdfile: "$LAB_DIR/dns/xfrd.state"
    xfrdir: "$LAB_DIR/dns"
    zonelistfile: "$LAB_DIR/dns/zone.list"
    server-count: 1
remote-control:
    control-enable: no
EOT
    cat >"$LAB_DIR/dns/unbound.conf" <<EOT
server:
    interface: $unbound
    access-control: 0.0.0.0/0 allow
    username: ""
    chroot: ""
    directory: "$LAB_DIR/dns"
    pidfile: ""
    use-syslog: no
    do-daemonize: no
    do-ip6: no
    module-config: "$modules"
    cache-max-negative-ttl: 1
    infra-host-ttl: 1
    infra-keep-probing: yes
EOT
    while (($# > 0)); do
        printf 'zone:\n    name: %s\n    zonefile: %s\n' "$1" "$2" >>"$LAB_DIR/dns/nsd.conf"
        printf 'stub-zone:\n    name: %s\n    stub-addr: %s\n' "$1" "$nsd" >>"$LAB_DIR/dns/unbound.conf"
        shift 2
    done
}

dns_serial=0
dns_soa() {
    dns_serial=$((dns_serial + 1))
    printf '%s\n' '$TTL 1' "@ IN SOA ns.$1. admin.$1. $dns_serial 1 1 1000 1" '@ IN NS ns' "ns IN A $2"
}

dns_reload() {
    ! lab_alive nsd || lab_kill nsd HUP
}

dns_nsd_start() {
    # shellcheck disable=SC2046
    lab_spawn stranger nsd $(tree nsd)/sbin/nsd -d -c "$LAB_DIR/dns/nsd.conf"
    lab_wait 10 "nsd" lab_listens stranger 53
}

dns_unbound_start() {
    # shellcheck disable=SC2046
    lab_spawn lan unbound $(tree unbound)/sbin/unbound -c "$LAB_DIR/dns/unbound.conf"
    lab_wait 10 "unbound" lab_listens lan 53
}
