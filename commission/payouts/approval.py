"""What an approval covers. One SQL expression makes the digest that is shown, the seal that is kept and its check."""

from typing import Final, LiteralString

# payee, account, amount, currency and rail of payout `p` with method `m`; no part can run into the next
SEAL: Final[LiteralString] = """sha256(convert_to(concat_ws('|', p.id, p.member_id, encode(m.fingerprint, 'hex'),
  p.amount, p.net, p.currency, p.rail), 'UTF8'))"""
