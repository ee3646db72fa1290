"""Commission plans: what each level earns of an order."""
