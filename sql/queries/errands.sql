-- What waits for whoever works behind the requests.

-- name: waiting
-- Of each kind of work whether there is any.
--   $1 now timestamptz
-- Index: outbox_waiting; search_changes_in_order; cluster_changes_in_order; cluster_decisions_under_way;
-- sweeps_under_way; dry_runs_under_way; alerts_untold; webhook_events_waiting;
-- webhook_deliveries_due.
SELECT EXISTS (SELECT FROM outbox WHERE relayed_at IS NULL) AS outbox,
       EXISTS (SELECT FROM search_changes) AS search,
       EXISTS (SELECT FROM cluster_changes) AS clusters,
       EXISTS (SELECT FROM cluster_decisions WHERE state IN ('running', 'undoing'))
           AS cluster_decisions,
       EXISTS (SELECT FROM sweeps WHERE state IN ('running', 'undoing')) AS sweeps,
       EXISTS (SELECT FROM dry_runs WHERE state IN ('waiting', 'running')) AS dry_runs,
       EXISTS (SELECT FROM alerts WHERE told_at IS NULL) AS alerts,
       EXISTS (SELECT FROM audit_unsealed) AS seal,
       EXISTS (SELECT FROM webhook_events WHERE state = 'waiting' AND ripe_at <= $1)
           OR EXISTS (SELECT FROM webhook_deliveries WHERE state = 'waiting' AND due_at <= $1)
           AS webhooks;
