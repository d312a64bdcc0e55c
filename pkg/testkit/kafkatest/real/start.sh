#!/usr/bin/env bash
# Starts a single Apache Kafka (KRaft, loopback, empty) and prints its address once it answers; it ends with Ctrl-C.
#
#   pkg/testkit/kafkatest/real/start.sh [port] [command ...]
#
# With a command, runs that with TIDEMARK_TEST_KAFKA set, and ends with it:
#
#   pkg/testkit/kafkatest/real/start.sh 19092 go test ./pkg/testkit/kafkatest
#
# Needs java 17 and mvn. The jars are kept in ${TIDEMARK_CACHE:-$HOME/.cache/tidemark}/kafka.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
port=${1:-19092}
[ $# -gt 0 ] && shift
jars=${TIDEMARK_CACHE:-$HOME/.cache/tidemark}/kafka

if [ ! -f "$jars/.complete" ]; then
    mkdir -p "$jars"
    mvn -q -B -f "$here/pom.xml" dependency:copy-dependencies -DoutputDirectory="$jars"
    touch "$jars/.complete"
fi

work=$(mktemp -d)
broker=
stop() {
    [ -n "$broker" ] && kill "$broker" 2>/dev/null && wait "$broker" 2>/dev/null || true
    rm -rf "$work"
}
trap stop EXIT
trap 'exit 130' INT TERM

cat >"$work/server.properties" <<PROPERTIES
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:$((port + 1))
listeners=PLAINTEXT://127.0.0.1:$port,CONTROLLER://127.0.0.1:$((port + 1))
advertised.listeners=PLAINTEXT://127.0.0.1:$port
controller.listener.names=CONTROLLER
log.dirs=$work/data
offsets.topic.num.partitions=1
offsets.topic.replication.factor=1
transaction.state.log.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
group.initial.rebalance.delay.ms=0
message.max.bytes=90000000
replica.fetch.max.bytes=90000000
socket.request.max.bytes=200000000
auto.create.topics.enable=false
PROPERTIES

run() { java -Xmx512m -cp "$jars/*" "$@"; }
run kafka.tools.StorageTool format -t "$(run kafka.tools.StorageTool random-uuid)" -c "$work/server.properties" >"$work/format.log" 2>&1 ||
    { cat "$work/format.log" >&2; exit 1; }
java -Xmx512m -cp "$jars/*" kafka.Kafka "$work/server.properties" >"$work/kafka.log" 2>&1 &
broker=$!

tries=0
until (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; do
    tries=$((tries + 1))
    if [ $tries -gt 120 ] || ! kill -0 "$broker" 2>/dev/null; then
        echo "kafka did not start:" >&2
        tail -50 "$work/kafka.log" >&2
        exit 1
    fi
    sleep 0.5
done
echo "kafka answers at 127.0.0.1:$port" >&2

if [ $# -gt 0 ]; then
    TIDEMARK_TEST_KAFKA=127.0.0.1:$port "$@"
else
    wait "$broker"
fi
