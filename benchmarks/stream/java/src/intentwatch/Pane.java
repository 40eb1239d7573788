package intentwatch;

import java.nio.ByteBuffer;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serdes;

/** Logs of one minute and the sum of their latencies. */
record Pane(long count, long latencyUs) {
    static final Pane EMPTY = new Pane(0, 0);

    Pane plus(Log log) {
        return new Pane(count + 1, latencyUs + log.latencyUs());
    }

    static Serde<Pane> serde() {
        return Serdes.serdeFrom(
                (topic, pane) -> ByteBuffer.allocate(16).putLong(pane.count).putLong(pane.latencyUs).array(),
                (topic, bytes) -> bytes == null ? null : new Pane(ByteBuffer.wrap(bytes).getLong(), ByteBuffer.wrap(bytes).getLong(8)));
    }
}
