#!/bin/sh
# Runs the test programs of a folder, one line per test, and prints a total. Usage: run.sh FOLDER unit|all
# A program that dies (a sanitizer's report, a signal) counts as one failed test of its own.
dir=$1
out=$(mktemp)
# Unit tests need no irmd and must not find one.
export OUROBOROS_DIR=/nonexistent
export ASAN_OPTIONS="${ASAN_OPTIONS:-detect_leaks=1}" TSAN_OPTIONS="${TSAN_OPTIONS:-second_deadlock_stack=1}"

for test in "$dir"/test_*; do
        case $test in *.[od]) continue ;; esac
        name=$(basename "$test")
        # shellcheck disable=SC2086
        $RUN "$test" > "$out.one" 2> "$out.err"
        status=$?
        sed -n "s/^\(ok\|not ok\) /\1 $name: /p" "$out.one" | tee -a "$out"
        if [ $status -ne 0 ]; then
                cat "$out.err" >&2
                grep -q '^not ok' "$out.one" ||
                        echo "not ok $name: exit status $status" | tee -a "$out"
        fi
done
if [ "$2" = all ]; then
        sh tests/install.sh | tee -a "$out"
        env -u OUROBOROS_DIR sh tests/integration.sh 2>&1 | tee -a "$out"
fi
passed=$(grep -c '^ok ' "$out")
failed=$(grep -c '^not ok ' "$out")
rm -f "$out" "$out.one" "$out.err"
echo "libouroboros: $passed passed, $failed failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
