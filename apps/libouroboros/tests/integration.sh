#!/bin/sh
# The library against the real irmd, a local IPCP and the TypeScript tools, in a runtime folder of its own. Prints one line
# per test. Needs the built tree (dist/); without it, prints why nothing was run.
here=$(cd "$(dirname "$0")/.." && pwd)
root=$(cd "$here/../.." && pwd)
build=$here/build
if [ ! -f "$root/dist/apps/irmd/main.js" ] || [ ! -f "$root/native/build/ouro.node" ]; then
        echo "# integration tests not run: build the tree first (npm run build)"
        exit 0
fi

OUROBOROS_DIR=$(mktemp -d /tmp/ouro-capi-XXXXXX)
export OUROBOROS_DIR
log=$OUROBOROS_DIR/logs
mkdir "$log"
irmd=
children=

ts() {
        app=$1
        shift
        node --no-warnings "$root/dist/apps/$app/main.js" "$@"
}

tool() { timeout 60 "$build/tool" "$@"; }

start_irmd() {
        node --no-warnings "$root/dist/apps/irmd/main.js" --stdout >> "$log/irmd" 2>&1 &
        irmd=$!
        wait_for "test -S $OUROBOROS_DIR/irm.sock && [ \"\$(tool accept 0)\" = -110 ]"
}

# Runs a command in the background; $child is its pid, its output is in $log/NAME.
start() {
        out=$log/$1
        shift
        "$@" > "$out" 2>&1 &
        child=$!
        children="$children $child"
}

# Tries a shell command for up to 10 s.
wait_for() {
        tries=0
        until sh -c "$build_env $1" 2> /dev/null; do
                tries=$((tries + 1))
                [ $tries -lt 100 ] || return 1
                sleep 0.1
        done
}
build_env="tool() { '$build/tool' \"\$@\"; };"

equal() {
        [ "$1" = "$2" ] && return 0
        echo "# got: $1" >&2
        echo "# want: $2" >&2
        return 1
}

# bind PID NAME: as `irm bind process`, and registers the name in the local layer.
bind() { equal "$(tool bind "$1" "$2")" 0 && ts irm register name "$2" layer local; }

stop() {
        kill "$1" 2> /dev/null
        wait "$1" 2> /dev/null
        return 0
}

cleanup() {
        for pid in $children; do kill -9 "$pid" 2> /dev/null; done
        # In order, so that it ends its ipcpd and the programs that it started.
        stop "$irmd"
        wait 2> /dev/null
        rm -rf "$OUROBOROS_DIR"
}
trap cleanup EXIT
trap 'exit 1' INT TERM

# --- the tests ---

the_talks_echo_program() {
        start echo "$build/echo-app" -l
        bind $child echo &&
                equal "$(timeout 10 "$build/echo-app")" "Server replied with Client says hi!" &&
                wait_for "grep -q 'Message from client' $log/echo" &&
                equal "$(cat "$log/echo")" "Starting the server.
New flow.
Message from client is Client says hi!."
        result=$?
        stop $child
        return $result
}

a_bound_programs_processes_inherit_the_name() {
        equal "$(tool bind-program "$build/echo-app" inherited)" 0 || return 1
        start inherit "$build/echo-app" -l
        equal "$(tool alloc inherited 5000)" 64
        result=$?
        stop $child
        return $result
}

a_bound_program_is_started_when_it_is_needed() { equal "$(tool alloc inherited 10000)" 64; }

the_talks_asynchronous_server_and_oping_in_c() {
        start async "$build/async-server"
        async=$child
        bind $async oping && timeout 20 "$build/oping-client" oping 20 1500 > "$log/client" &&
                equal "$(tail -1 "$log/client")" "20 packets transmitted, 20 received" &&
                equal "$(head -2 "$log/async")" "Ouroboros ping server started.
New flow 64."
}

oping_of_typescript_with_the_c_server() {
        timeout 30 node --no-warnings "$root/dist/apps/oping/main.js" -n oping -c 3 -i 20 > "$log/ts-client" &&
                grep -q '3 SDUs transmitted, 3 received, 0% packet loss' "$log/ts-client"
        result=$?
        stop "$async"
        return $result
}

oping_in_c_with_the_server_of_typescript() {
        start ts-oping node --no-warnings "$root/dist/apps/oping/main.js" -l
        bind $child oping-ts && timeout 20 "$build/oping-client" oping-ts 20 > "$log/client" &&
                equal "$(tail -1 "$log/client")" "20 packets transmitted, 20 received"
        result=$?
        stop $child
        return $result
}

echo_in_c_with_the_server_of_typescript() {
        start ts-oecho node --no-warnings "$root/dist/apps/oecho/main.js" -l
        equal "$(tool bind $child echo)" 0 &&
                equal "$(timeout 10 "$build/echo-app")" "Server replied with Client says hi!"
        result=$?
        stop $child
        return $result
}

echo_of_typescript_with_the_c_server() {
        start echo2 "$build/echo-app" -l
        bind $child oecho && timeout 20 node --no-warnings "$root/dist/apps/oecho/main.js" > "$log/client" &&
                grep -q 'Client says hi!' "$log/client"
        result=$?
        stop $child
        return $result
}

errors_are_those_of_the_manual() {
        equal "$(tool alloc nobody-knows-me)" -1007 || return 1
        ts irm register name unserved layer local
        equal "$(tool alloc unserved 5000)" -1003 &&
                equal "$(tool alloc unserved 50)" -110 &&
                equal "$(tool accept 50)" -110 &&
                equal "$(tool accept 0)" -110 &&
                [ "$(tool join local)" -lt 0 ] &&
                equal "$(tool join no-such-layer)" -1003
}

a_program_binds_and_registers_itself() {
        start serve "$build/tool" serve self local
        serve=$child
        wait_for "grep -q 'bound 0' $log/serve" && equal "$(tool cycles self 300)" "300 0"
}

packets_of_all_sizes_come_back_in_order() {
        equal "$(tool flood self 20000 8)" 20000 && equal "$(tool flood self 5000 1400)" 5000 &&
                equal "$(tool flood self 2000 65535)" 2000
}

a_typescript_client_floods_the_c_server() {
        for size in 8 1400 65535; do
                equal "$(timeout 60 node --no-warnings "$here/tests/peer.mjs" flood self 3000 $size)" 3000 || return 1
        done
}

a_c_client_floods_the_typescript_server() {
        start ts-serve node --no-warnings "$here/tests/peer.mjs" serve
        peer=$child
        bind $peer ts-echo && equal "$(tool flood ts-echo 20000 8)" 20000 && equal "$(tool flood ts-echo 5000 1400)" 5000 &&
                equal "$(tool flood ts-echo 2000 65535)" 2000
        result=$?
        stop $peer
        return $result
}

flows_leave_nothing_in_irmd() {
        stop "$serve"
        wait_for "[ \"\$(node --no-warnings $root/dist/apps/irm/main.js flow list --json | tr -d ' \n')\" = '[]' ]"
}

a_killed_server_ends_its_flow_after_the_last_packet() {
        start hold "$build/tool" hold held hello
        server=$child
        wait_for "grep -q 'bound 0' $log/hold" || return 1
        start reader "$build/tool" read held
        wait_for "grep -q '^5$' $log/reader" && kill -9 "$server" && wait_for "grep -q '^-' $log/reader" &&
                equal "$(cat "$log/reader")" "up
5
-1006"
}

# ends_alike HOLDER WATCHER: what a watcher sees of a holder that sets its flow down and up and deallocates, and of one that is
# killed, whichever library they use.
ends_alike() {
        for how in blink kill; do
                case $1 in
                c) start "hold-$how" "$build/tool" hold alike hello ;;
                ts) start "hold-$how" node --no-warnings "$here/tests/peer.mjs" hold hello ;;
                esac
                holder=$child
                if [ "$1" = ts ]; then equal "$(tool bind "$holder" alike)" 0 || return 1; fi
                wait_for "test '$1' = ts || grep -q 'bound 0' $log/hold-$how" || return 1
                word=
                [ $how = blink ] && word=blink
                case $2 in
                c) start "watch-$how" "$build/tool" watch alike $word ;;
                ts) start "watch-$how" node --no-warnings "$here/tests/peer.mjs" watch alike $word ;;
                esac
                wait_for "grep -q '^5$' $log/watch-$how" || return 1
                [ $how = kill ] && kill -9 "$holder"
                wait "$child"
                stop "$holder"
        done
        equal "$(cat "$log/watch-blink")" "event 1
5
event 2
-1005
-1005
event 4
event 16
-1005
-1005" && equal "$(cat "$log/watch-kill")" "event 1
5
event 32
-1006
-1006"
}

ends_of_flows_are_alike_from_c_to_c() { ends_alike c c; }
ends_of_flows_are_alike_from_c_to_typescript() { ends_alike c ts; }
ends_of_flows_are_alike_from_typescript_to_c() { ends_alike ts c; }
ends_of_flows_are_alike_from_typescript_to_typescript() { ends_alike ts ts; }

a_restarted_irmd_is_used_again() {
        start accept "$build/tool" accept
        start allocator "$build/tool" late echo "$log/go"
        sleep 0.3
        kill -9 "$irmd"
        wait "$irmd" 2> /dev/null
        wait_for "[ -s $log/accept ]" && equal "$(cat "$log/accept")" -1002 && equal "$(tool alloc echo)" -1002
        result=$?
        start_irmd
        start echo3 "$build/echo-app" -l
        wait_for "[ \"\$(tool bind $child echo)\" != -22 ]" && touch "$log/go" && wait_for "[ -s $log/allocator ]" &&
                equal "$(cat "$log/allocator")" 64 && return $result
}

a_program_may_start_before_irmd() {
        stop "$irmd"
        start early "$build/tool" late self "$log/go-early"
        sleep 0.2
        start_irmd
        ts irm ipcp bootstrap type local name local layer local
        start serve2 "$build/tool" serve self local
        wait_for "grep -q 'bound 0' $log/serve2" && touch "$log/go-early" && wait_for "[ -s $log/early ]" &&
                equal "$(cat "$log/early")" 64
}

run() {
        if "$1" 2> "$log/why"; then
                echo "ok integration: $1"
        else
                echo "not ok integration: $1"
                cat "$log/why" >&2
                tail -20 "$log/irmd" >&2
        fi
}

start_irmd || echo "not ok integration: irmd does not start"
ts irm ipcp bootstrap type local name local layer local || echo "not ok integration: no local layer"
run the_talks_echo_program
run a_bound_programs_processes_inherit_the_name
run a_bound_program_is_started_when_it_is_needed
run the_talks_asynchronous_server_and_oping_in_c
run oping_of_typescript_with_the_c_server
run oping_in_c_with_the_server_of_typescript
run echo_in_c_with_the_server_of_typescript
run echo_of_typescript_with_the_c_server
run errors_are_those_of_the_manual
run a_program_binds_and_registers_itself
run packets_of_all_sizes_come_back_in_order
run a_typescript_client_floods_the_c_server
run a_c_client_floods_the_typescript_server
run flows_leave_nothing_in_irmd
run a_killed_server_ends_its_flow_after_the_last_packet
run ends_of_flows_are_alike_from_c_to_c
run ends_of_flows_are_alike_from_c_to_typescript
run ends_of_flows_are_alike_from_typescript_to_c
run ends_of_flows_are_alike_from_typescript_to_typescript
run a_restarted_irmd_is_used_again
run a_program_may_start_before_irmd
