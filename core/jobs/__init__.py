"""Work after the answer: outbox, relay, workers, scheduler."""
