"""What links bring, by hour and day: clicks, orders, sales, commission; never a scan of raw clicks."""
