"""Commission: what an order pays, to whom and why, and paying it out."""
