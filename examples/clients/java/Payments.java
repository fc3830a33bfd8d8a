import io.netty.handler.timeout.ReadTimeoutHandler;
import java.io.IOException;
import java.net.URI;
import java.time.Duration;
import java.util.Map;
import java.util.Set;
import org.springframework.core.ResolvableType;
import org.springframework.core.io.buffer.DataBuffer;
import org.springframework.graphql.client.ClientGraphQlResponse;
import org.springframework.graphql.client.SubscriptionErrorException;
import org.springframework.graphql.client.WebSocketGraphQlClient;
import org.springframework.graphql.client.WebSocketGraphQlClientInterceptor;
import org.springframework.graphql.server.support.GraphQlWebSocketMessage;
import org.springframework.graphql.server.support.GraphQlWebSocketMessageType;
import org.springframework.http.codec.json.JacksonJsonDecoder;
import org.springframework.util.MimeType;
import org.springframework.web.reactive.socket.client.ReactorNettyWebSocketClient;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import reactor.core.scheduler.Schedulers;
import reactor.netty.http.client.HttpClient;
import reactor.util.retry.Retry;

/** Payments as they happen, each once and in order, whatever happens to the connection. */
public class Payments {
    static final String PAYMENTS = """
        subscription Payments($cursor: String) @resume(after: $cursor, onGap: CONTINUE) {
          transaction { id amount }
        }""";
    static final Set<String> PASSING = Set.of("UNAVAILABLE", "LIMIT_EXCEEDED", "INTERNAL_SERVER_ERROR");

    /** Keep it with what you store: who dies between the two sees an event again, or misses one. */
    private volatile String cursor;
    /** Events that were read and not shown yet. */
    private volatile int unshown;

    void follow() {
        Flux.usingWhen(Mono.fromSupplier(this::client), this::subscribe, WebSocketGraphQlClient::stop)
            .doOnNext(this::show)
            .retryWhen(Retry.backoff(Long.MAX_VALUE, Duration.ofMillis(500))
                .maxBackoff(Duration.ofSeconds(10)).jitter(1).transientErrors(true).filter(this::mayPass))
            .blockLast();
    }

    /** One for each connection, so that nothing of an old one is left in it. */
    private WebSocketGraphQlClient client() {
        // A gateway says something every 12 s: a connection that is silent for 30 s is dead.
        var http = HttpClient.create().doOnConnected(wire -> wire.addHandlerFirst(new ReadTimeoutHandler(30)));
        return WebSocketGraphQlClient.builder(System.getenv("EVENTS_URL"), new ReactorNettyWebSocketClient(http))
            .interceptor(new WebSocketGraphQlClientInterceptor() {
                @Override
                public Mono<Object> connectionInitPayload() {
                    return Mono.fromCallable(Payments::freshToken).subscribeOn(Schedulers.boundedElastic())
                        .map(token -> Map.of("Authorization", "Bearer " + token));
                }
            })
            .codecConfigurer(codecs -> codecs.defaultCodecs().jacksonJsonDecoder(new Listening()))
            .build();
    }

    private Flux<ClientGraphQlResponse> subscribe(WebSocketGraphQlClient client) {
        unshown = 0;
        return client.document(PAYMENTS).variable("cursor", cursor).executeSubscription();
    }

    private boolean mayPass(Throwable error) {
        return !(error instanceof SubscriptionErrorException refused)
            || PASSING.contains(String.valueOf(refused.getErrors().get(0).getExtensions().get("code")));
    }

    private void show(ClientGraphQlResponse event) {
        if (event.getExtensions().get("gap") instanceof Map<?, ?> gap)
            System.out.println("gap " + gap.get("reason") + " " + gap.get("missed"));
        if (event.getErrors().isEmpty())
            System.out.println("payment " + event.field("transaction.id").getValue());
        else
            System.out.println("fault " + event.getErrors().get(0).getMessage());
        cursor = (String) event.getExtensions().get("cursor");
        unshown--;
    }

    /** Spring answers pings and tells nobody: they bring the cursor of a subscription that has had no event, or none for long. */
    private class Listening extends JacksonJsonDecoder {
        @Override
        public Object decode(DataBuffer buffer, ResolvableType type, MimeType mime, Map<String, Object> hints) {
            var message = (GraphQlWebSocketMessage) super.decode(buffer, type, mime, hints);
            if (message.resolvedType() == GraphQlWebSocketMessageType.NEXT) unshown++;
            // A ping behind an event that is not shown yet would pass it.
            else if (message.resolvedType() == GraphQlWebSocketMessageType.PING && unshown == 0
                && message.getPayload() instanceof Map<?, ?> ping && ping.get("cursors") instanceof Map<?, ?> cursors)
                cursors.values().forEach(newest -> cursor = (String) newest);
            return message;
        }
    }

    /** As you sign in: here an address that answers with a token. */
    static String freshToken() throws IOException {
        try (var answer = URI.create(System.getenv("TOKEN_URL")).toURL().openStream()) {
            return new String(answer.readAllBytes());
        }
    }

    public static void main(String[] words) {
        new Payments().follow();
    }
}
