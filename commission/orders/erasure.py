"""What orders forget when their customer is erased: by whose device he came. Callers hold the transaction."""

from typing import LiteralString
from uuid import UUID

from core.db import execute
from referral.members import service as members

# a click's id holds the visitor's key; its link, code and instant stay, for the explanation
_WITHOUT_CLICKS: LiteralString = """
    EVIDENCE || jsonb_build_object(
      'accepted', (SELECT KEPT FROM (SELECT EVIDENCE -> 'accepted' AS found) e WHERE jsonb_typeof(e.found) = 'object'),
      'refused', coalesce((SELECT jsonb_agg(KEPT ORDER BY e.place)
                           FROM jsonb_array_elements(EVIDENCE -> 'refused') WITH ORDINALITY AS e (found, place)), '[]'))
    """.replace(
    "KEPT", "CASE WHEN e.found ->> 'source' = 'click' THEN e.found - 'reference' ELSE e.found END - 'click_id'"
)
_NAMED: LiteralString = """
    UPDATE orders SET named = named - 'visitor' - 'click_id'
    WHERE program_id = %(program_id)s AND customer_id = %(member_id)s AND named ?| array['visitor', 'click_id']"""
_EVIDENCE: LiteralString = """
    UPDATE orders o SET evidence = WITHOUT_CLICKS
    WHERE o.program_id = %(program_id)s AND o.customer_id = %(member_id)s AND o.evidence @? '$.**.click_id'
    """.replace("WITHOUT_CLICKS", _WITHOUT_CLICKS.replace("EVIDENCE", "o.evidence"))
_EARLIER: LiteralString = """
    UPDATE order_attributions h SET evidence_before = WITHOUT_CLICKS FROM orders o
    WHERE o.program_id = %(program_id)s AND o.customer_id = %(member_id)s AND h.program_id = o.program_id
      AND h.order_id = o.id AND h.evidence_before @? '$.**.click_id'
    """.replace("WITHOUT_CLICKS", _WITHOUT_CLICKS.replace("EVIDENCE", "h.evidence_before"))


def _forget_visits(program_id: UUID, member_id: UUID) -> None:
    for statement in (_NAMED, _EVIDENCE, _EARLIER):
        execute(statement, program_id=program_id, member_id=member_id)


members.register_erasure_step(_forget_visits)
