"""Counters of red packets. They count what was attempted: a claim that rolls back afterwards is counted too."""

from core.observability.metrics import counter

CLAIMS = counter("banyan_red_packet_claims", "Claims of red packets, by what they were answered", ["outcome"])
PACKETS = counter("banyan_red_packets", "Red packets that came into a state", ["status"])


def count_claim(outcome: str) -> None:
    """One claim: claimed, again, or the code of its refusal."""
    CLAIMS.labels(outcome).inc()


def count_packets(status: str, number: int = 1) -> None:
    """Packets that came into a state."""
    PACKETS.labels(status).inc(number)
