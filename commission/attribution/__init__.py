"""Attribution: which member an order is owed to, and who above him shares in it."""
