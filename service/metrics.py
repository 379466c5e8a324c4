"""Metrics by room: what happens at the edge, and how the stores are."""

from __future__ import annotations

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram


class EdgeMetrics:
    """Who was turned away, who listens, how long texts are looked at."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.rate_limited = Counter(
            "postbag_rate_limited",
            "Requests refused because one sender asked too often, by what they asked for.",
            ("scope",),
            registry=registry,
        )
        self.auth_failures = Counter(
            "postbag_auth_failures",
            "Requests without a good credential, by the code of the refusal.",
            ("kind",),
            registry=registry,
        )
        self.sse_clients = Gauge(
            "postbag_sse_clients", "Open streams of readers and moderators.", registry=registry
        )
        self.sse_dropped = Counter(
            "postbag_sse_dropped",
            "Streams ended because their client did not keep up.",
            registry=registry,
        )
        self.rule_seconds = Histogram(
            "postbag_rule_seconds",
            "From a text to the ruling of every rule on it, facts included.",
            buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5),
            registry=registry,
        )
        self.decide_conflicts = Counter(
            "postbag_decide_conflicts",
            "Decisions that were not made as asked: conflict, stale, leased, parent_pending.",
            ("kind",),
            registry=registry,
        )


class StoreMetrics:
    """Connections, cached pages, and what lies in the stores."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.pool_size = Gauge(
            "postbag_pool_size",
            "Open connections: postgres, redis.",
            ("pool",),
            registry=registry,
        )
        self.pool_in_use = Gauge(
            "postbag_pool_in_use", "Of those, lent just now.", ("pool",), registry=registry
        )
        self.pool_wait_seconds = Histogram(
            "postbag_pool_wait_seconds",
            "How long a connection was waited for.",
            ("pool",),
            buckets=(0.0005, 0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2),
            registry=registry,
        )
        self.pubsub_reconnects = Counter(
            "postbag_pubsub_reconnects",
            "Times that a line on which processes hear of each other was lost.",
            registry=registry,
        )
        self.finish_result = Counter(
            "postbag_finish_result",
            "What cleaning Redis after a decision met: DONE, GONE, NEWER.",
            ("result",),
            registry=registry,
        )
        self.leases = Gauge("postbag_leases", "Comments that moderators hold.", registry=registry)
        self.quarantine = Gauge(
            "postbag_quarantine",
            "Comments that Postgres refuses for good and nobody has looked at.",
            registry=registry,
        )
        self.keys_expiring = Gauge(
            "postbag_keys_expiring",
            "Keys of back ends that end within two weeks.",
            registry=registry,
        )
        self.cache_hits = Counter(
            "postbag_cache_hits",
            "Pages and counts that were ready; beside postbag_ready_answers.",
            registry=registry,
        )
        self.cache_misses = Counter(
            "postbag_cache_misses", "Those that had to be built.", registry=registry
        )
        self.cache_stale = Counter(
            "postbag_cache_stale",
            "Those answered as they were before, for want of newer ones.",
            registry=registry,
        )
        self.cache_inval = Counter(
            "postbag_cache_inval",
            "Times that something ready was no longer true.",
            registry=registry,
        )
        self.cache_bytes = Gauge(
            "postbag_cache_bytes",
            "Ready answers that are held.",
            ("kind",),
            registry=registry,
        )
        self.redis_memory_ratio = Gauge(
            "postbag_redis_memory_ratio",
            "Share of maxmemory that Redis uses; 0 where there is no bound.",
            registry=registry,
        )
        self.redis_aof_ok = Gauge(
            "postbag_redis_aof_ok",
            "1 while Redis can write and rewrite its append-only file.",
            registry=registry,
        )
        self.redis_replicas = Gauge(
            "postbag_redis_replicas", "Replicas that follow Redis.", registry=registry
        )
        self.redis_replicas_wanted = Gauge(
            "postbag_redis_replicas_wanted",
            "Replicas that have to have a comment before it is acknowledged.",
            registry=registry,
        )
        self.disk_free_ratio = Gauge(
            "postbag_disk_free_ratio",
            "Free share of the disk with the data folder.",
            registry=registry,
        )

    def watch_pool(self, name: str, *, size: Callable[[], int], in_use: Callable[[], int]) -> None:
        """Read a pool's figures whenever they are asked for."""
        self.pool_size.labels(name).set_function(size)
        self.pool_in_use.labels(name).set_function(in_use)
