"""The comparison for single orders: a bare Flask route that inserts one row, in a transaction of its own."""

import os

from flask import Flask, request
from psycopg_pool import ConnectionPool

pool = ConnectionPool(os.environ["BARE_DATABASE"], min_size=4, max_size=16, open=True)
app = Flask(__name__)


@app.post("/orders")
def insert() -> tuple[dict[str, str], int]:
    """Insert the body as it comes."""
    body = request.get_data(as_text=True)
    with pool.connection() as connection:
        connection.execute("INSERT INTO bare_orders (body) VALUES (%s)", (body,))
    return {"status": "created"}, 201
