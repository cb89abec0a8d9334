package millrace;

import java.net.InetAddress;
import java.net.URI;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Supplier;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.opensearch.common.network.NetworkService;
import org.opensearch.common.settings.ClusterSettings;
import org.opensearch.common.settings.Settings;
import org.opensearch.common.util.BigArrays;
import org.opensearch.common.util.PageCacheRecycler;
import org.opensearch.common.util.concurrent.ThreadContext;
import org.opensearch.core.indices.breaker.CircuitBreakerService;
import org.opensearch.core.rest.RestStatus;
import org.opensearch.core.xcontent.NamedXContentRegistry;
import org.opensearch.http.HttpServerTransport;
import org.opensearch.plugins.NetworkPlugin;
import org.opensearch.plugins.Plugin;
import org.opensearch.rest.BytesRestResponse;
import org.opensearch.rest.RestChannel;
import org.opensearch.rest.RestHandler;
import org.opensearch.rest.RestRequest;
import org.opensearch.telemetry.tracing.Tracer;
import org.opensearch.threadpool.ThreadPool;
import org.opensearch.transport.Netty4ModulePlugin;

/** Keeps other sites' pages and other names out of OpenSearch, by the rules of rules.py. */
public final class FrontDoor extends Plugin implements NetworkPlugin {
    /** The value of "http.type" that puts this in front of OpenSearch's own transport. */
    private static final String TYPE = "front-door";

    private static final String LOCALSTACK_NAME = "localhost.localstack.cloud";
    private static final Pattern HOST =
            Pattern.compile("(\\[[0-9a-f:.]+\\]|[a-z0-9._-]+)(:\\d{1,5})?", Pattern.CASE_INSENSITIVE);
    private static final Set<String> FROM_ELSEWHERE = Set.of("cross-site", "same-site");

    @Override
    public Map<String, Supplier<HttpServerTransport>> getHttpTransports(
            Settings settings,
            ThreadPool threadPool,
            BigArrays bigArrays,
            PageCacheRecycler pageCacheRecycler,
            CircuitBreakerService circuitBreakerService,
            NamedXContentRegistry xContentRegistry,
            NetworkService networkService,
            HttpServerTransport.Dispatcher dispatcher,
            ClusterSettings clusterSettings,
            Tracer tracer) {
        Map<String, Supplier<HttpServerTransport>> own = new Netty4ModulePlugin()
                .getHttpTransports(
                        settings,
                        threadPool,
                        bigArrays,
                        pageCacheRecycler,
                        circuitBreakerService,
                        xContentRegistry,
                        networkService,
                        new Guard(dispatcher),
                        clusterSettings,
                        tracer);
        return Map.of(TYPE, own.get(Netty4ModulePlugin.NETTY_HTTP_TRANSPORT_NAME));
    }

    private record Guard(HttpServerTransport.Dispatcher behind) implements HttpServerTransport.Dispatcher {
        @Override
        public Optional<RestHandler> dispatchHandler(
                String uri, String rawPath, RestRequest.Method method, Map<String, String> params) {
            return behind.dispatchHandler(uri, rawPath, method, params);
        }

        @Override
        public void dispatchRequest(RestRequest request, RestChannel channel, ThreadContext context) {
            String refusal = refusal(request);
            if (refusal == null) {
                behind.dispatchRequest(request, channel, context);
            } else {
                channel.sendResponse(new BytesRestResponse(RestStatus.FORBIDDEN, refusal + "\n"));
            }
        }

        @Override
        public void dispatchBadRequest(RestChannel channel, ThreadContext context, Throwable cause) {
            behind.dispatchBadRequest(channel, context, cause);
        }
    }

    private static String refusal(RestRequest request) {
        for (String host : values(request, "Host")) {
            if (!isOwnName(host)) {
                return "The host '" + host + "' is not this machine's: use localhost or 127.0.0.1.";
            }
        }
        List<String> origins = values(request, "Origin").stream().filter(origin -> !origin.isEmpty()).toList();
        if (!origins.isEmpty()) {
            return origins.stream().allMatch(origin -> isLoopback(authority(origin)))
                    ? null
                    : "A page of '" + origins.get(0) + "' may not use this port: only one of this machine may.";
        }
        List<String> sites = values(request, "Sec-Fetch-Site");
        if (sites.stream().anyMatch(site -> FROM_ELSEWHERE.contains(site.strip().toLowerCase(Locale.ROOT)))) {
            return "Another site's page may not use this port: open the address itself.";
        }
        boolean browser = values(request, "User-Agent").stream().anyMatch(agent -> agent.startsWith("Mozilla/"));
        List<String> pages = values(request, "Referer").stream().filter(page -> !page.isEmpty()).toList();
        boolean own = !pages.isEmpty() && pages.stream().allMatch(page -> isOwnName(authority(page)));
        if (browser && sites.isEmpty() && !own) {
            return "Your browser names no page of this machine: use http://localhost, or a newer one.";
        }
        return null;
    }

    private static boolean isOwnName(String host) {
        String name = name(host);
        return isLoopback(host)
                || name.equals(LOCALSTACK_NAME)
                || name.endsWith("." + LOCALSTACK_NAME)
                || name.endsWith(".127.0.0.1");
    }

    /** Returns the host of an address, with its port; nothing if it is none. */
    private static String authority(String address) {
        try {
            String found = URI.create(address).getRawAuthority();
            return found == null ? "" : found;
        } catch (IllegalArgumentException notAnAddress) {
            return "";
        }
    }

    private static boolean isLoopback(String host) {
        String name = name(host);
        if (name.equals("localhost")) {
            return true;
        }
        try {
            return InetAddress.ofLiteral(name.replaceAll("^\\[|\\]$", "")).isLoopbackAddress();
        } catch (IllegalArgumentException notAnAddress) {
            return false;
        }
    }

    /** Returns the name in "name:port" in lower case; nothing for what is no host. */
    private static String name(String host) {
        Matcher found = HOST.matcher(host);
        return found.matches() ? found.group(1).toLowerCase(Locale.ROOT) : "";
    }

    private static List<String> values(RestRequest request, String header) {
        List<String> found = request.getAllHeaderValues(header);
        return found == null ? List.of() : found;
    }
}
