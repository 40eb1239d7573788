package intentwatch;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.LocalDate;
import java.util.Set;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.processor.TimestampExtractor;

/** The fields of a serving log that are counted: `key` is model|intent, or model|error. */
record Log(long timeMs, String key, long latencyUs) {
    private static final Set<String> INTENTS = Set.of(
            "product_discovery", "product_question", "recommendation", "faq", "order_tracking",
            "return_request", "promotion", "checkout_help", "escalation", "chitchat");
    private static final JsonFactory JSON = new JsonFactory();
    /** What is no serving log. */
    static final Log BAD = new Log(-1, "", 0);

    /** Reads JSON from the source topic; writes and reads a compact form on internal topics. */
    static Serde<Log> json() {
        return Serdes.serdeFrom((topic, log) -> compact(log), (topic, bytes) -> parse(bytes));
    }

    /** The form in which logs travel through the repartition topic. */
    static Serde<Log> binary() {
        return Serdes.serdeFrom((topic, log) -> compact(log), (topic, bytes) -> expand(bytes));
    }

    private static byte[] compact(Log log) {
        byte[] key = log.key.getBytes(StandardCharsets.UTF_8);
        return ByteBuffer.allocate(16 + key.length).putLong(log.timeMs).putLong(log.latencyUs).put(key).array();
    }

    private static Log expand(byte[] bytes) {
        ByteBuffer from = ByteBuffer.wrap(bytes);
        long time = from.getLong();
        long latency = from.getLong();
        return new Log(time, new String(bytes, 16, bytes.length - 16, StandardCharsets.UTF_8), latency);
    }

    private static Log parse(byte[] bytes) {
        String model = null;
        String intent = null;
        long time = -1;
        double latency = 0;
        try (JsonParser parser = JSON.createParser(bytes)) {
            parser.nextToken();
            while (parser.nextToken() == JsonToken.FIELD_NAME) {
                String name = parser.currentName();
                JsonToken value = parser.nextToken();
                switch (name) {
                    case "ts" -> time = millis(parser.getText());
                    case "model" -> model = parser.getText();
                    case "intent" -> intent = value == JsonToken.VALUE_NULL ? "error" : parser.getText();
                    case "latency_ms" -> latency = parser.getDoubleValue();
                    default -> parser.skipChildren();
                }
            }
            if (parser.currentToken() != JsonToken.END_OBJECT) {
                return BAD;
            }
        } catch (IOException | RuntimeException broken) {
            return BAD;
        }
        if (model == null || intent == null || time < 0 || !("error".equals(intent) || INTENTS.contains(intent))) {
            return BAD;
        }
        return new Log(time, model + "|" + intent, Math.round(latency * 1000));
    }

    /** The contract's times are fixed in width: 2026-04-20T10:41:14.123Z. */
    private static long millis(String ts) {
        long day = LocalDate.of(digits(ts, 0, 4), digits(ts, 5, 7), digits(ts, 8, 10)).toEpochDay();
        return ((day * 24 + digits(ts, 11, 13)) * 60 + digits(ts, 14, 16)) * 60_000L + digits(ts, 17, 19) * 1000L + digits(ts, 20, 23);
    }

    private static int digits(String text, int begin, int end) {
        int number = 0;
        for (int place = begin; place < end; place++) {
            number = number * 10 + text.charAt(place) - '0';
        }
        return number;
    }

    /** Event time. */
    public static final class Time implements TimestampExtractor {
        @Override
        public long extract(ConsumerRecord<Object, Object> found, long partitionTime) {
            Log log = (Log) found.value();
            return log.timeMs < 0 ? Math.max(partitionTime, 0) : log.timeMs;
        }
    }

}
