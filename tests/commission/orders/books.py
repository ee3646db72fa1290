"""Whether a program's books are sound: the ledger, the balances, and what orders and commissions say of each other."""

from typing import NamedTuple
from uuid import UUID

from core.db import fetch_all, transaction


class Fault(NamedTuple):
    """A rule of the books that does not hold, and where."""

    rule: str
    place: str


# each SELECT finds what must not be: (rule, place)
_NOTHING_OF = """
WITH buckets AS (
  SELECT member_id, currency,
         sum(amount) FILTER (WHERE account = 'member_pending') AS pending,
         sum(amount) FILTER (WHERE account = 'member_available') AS available,
         sum(amount) FILTER (WHERE account = 'member_in_payout') AS in_payout,
         sum(amount) FILTER (WHERE account LIKE 'cash\\_%%') AS paid
  FROM ledger_postings WHERE program_id = %(p)s AND member_id IS NOT NULL GROUP BY member_id, currency),
kept AS (
  SELECT member_id, sum(amount - reversed) AS owed,
         sum(amount - reversed) FILTER (WHERE status = 'pending') AS pending
  FROM commissions WHERE program_id = %(p)s GROUP BY member_id),
adjusted AS (
  SELECT member_id, sum(amount) AS amount FROM adjustments WHERE program_id = %(p)s AND status = 'posted'
  GROUP BY member_id),
given AS (
  SELECT p.member_id, sum(p.amount) AS amount FROM ledger_transactions t
  JOIN ledger_postings p ON p.program_id = t.program_id AND p.transaction_id = t.id AND p.member_id IS NOT NULL
  WHERE t.program_id = %(p)s AND t.currency <> 'PTS'
    AND t.kind IN ('activity.rewarded', 'activity.reward_taken_back', 'red_packet.claimed')
  GROUP BY p.member_id)
SELECT 'postings sum to zero', transaction_id::text FROM ledger_postings WHERE program_id = %(p)s
GROUP BY transaction_id, currency HAVING sum(amount) <> 0
UNION ALL
SELECT 'balances are the sums of postings', member_id::text
FROM buckets k FULL JOIN (SELECT * FROM member_balances WHERE program_id = %(p)s) b USING (member_id, currency)
WHERE (coalesce(k.pending, 0), coalesce(k.available, 0), coalesce(k.in_payout, 0), coalesce(k.paid, 0))
      IS DISTINCT FROM (b.pending, b.available, b.in_payout, b.paid)
UNION ALL
SELECT 'paid + available + pending + in_payout = accrued - reversed + adjustments + given', member_id::text
FROM (SELECT * FROM member_balances WHERE program_id = %(p)s AND currency <> 'PTS') b
FULL JOIN kept USING (member_id) LEFT JOIN adjusted a USING (member_id) LEFT JOIN given g USING (member_id)
WHERE coalesce(b.pending + b.available + b.in_payout + b.paid, 0)
      <> coalesce(kept.owed, 0) + coalesce(a.amount, 0) + coalesce(g.amount, 0)
   OR coalesce(b.pending, 0) <> coalesce(kept.pending, 0)
UNION ALL
SELECT 'a commission lost what its reversals took', c.id::text
FROM commissions c
LEFT JOIN commission_reversals r ON r.program_id = c.program_id AND r.commission_id = c.id
WHERE c.program_id = %(p)s
GROUP BY c.program_id, c.id
HAVING c.reversed <> coalesce(sum(r.amount), 0) OR c.reversed NOT BETWEEN 0 AND c.amount
    OR (c.status = 'reversed') <> (c.reversed = c.amount) OR c.amount <= 0
    OR c.amount <> (SELECT sum(share) FROM unnest(c.line_amounts) share)
UNION ALL
SELECT 'an order is refunded by its refunds', o.id::text
FROM orders o LEFT JOIN refunds r ON r.program_id = o.program_id AND r.order_id = o.id
WHERE o.program_id = %(p)s
GROUP BY o.program_id, o.id
HAVING o.refunded <> coalesce(sum(r.value), 0) OR o.refunded > o.total
    OR o.refunded_extras <> coalesce(sum(r.extras), 0) OR o.refunded_extras > o.shipping + o.tax
UNION ALL
SELECT 'lines add up to their order', o.id::text
FROM orders o JOIN order_lines l ON l.program_id = o.program_id AND l.order_id = o.id
WHERE o.program_id = %(p)s
GROUP BY o.program_id, o.id
HAVING o.commission_base <> sum(l.base) OR o.total <> sum(l.base) + o.shipping + o.tax
    OR bool_or(l.refunded_quantity NOT BETWEEN 0 AND l.quantity OR l.refunded_amount NOT BETWEEN 0 AND l.base)
UNION ALL
SELECT 'one accrual an order that pays', order_id::text
FROM (SELECT DISTINCT order_id, order_id || CASE attribution_version WHEN 1 THEN '' ELSE ':' || attribution_version END
             AS version FROM commissions WHERE program_id = %(p)s) c
FULL JOIN (SELECT order_id, substr(source_key, 7) AS version FROM ledger_transactions
           WHERE program_id = %(p)s AND kind = 'commission.accrued') t USING (order_id, version)
GROUP BY order_id, version HAVING count(*) <> 1 OR count(t.order_id) <> 1 OR count(c.order_id) <> 1
"""


def faults_of(program_id: UUID) -> list[Fault]:
    """Every rule that is broken; none in sound books."""
    with transaction(program_id, read_only=True):
        return fetch_all(Fault, _NOTHING_OF, p=program_id)


def assert_sound(program_id: UUID) -> None:
    assert faults_of(program_id) == []
