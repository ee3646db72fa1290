"""What other features use of coupons: judged, redeemed, given back. Callers hold the transaction; nothing here commits.

An order locks its own row first, then redeems or gives back, then moves commissions and balances; whoever keeps to
that cannot deadlock with another who does.
"""

from coupons.vouchers.claims import Outcome, check_claimable, claim, claim_many
from coupons.vouchers.codes import CouponCard, cards_of_codes, find_codes
from coupons.vouchers.definitions import coupon_of
from coupons.vouchers.judging import WantedCoupons, judge
from coupons.vouchers.made import MadeCoupon, coupons_made_on
from coupons.vouchers.queries import FoundCode
from coupons.vouchers.redemptions import Use, give_back, redeem
from coupons.vouchers.rules import CodeDiscount, Line, Quote

__all__ = [
    "CodeDiscount", "CouponCard", "FoundCode", "Line", "MadeCoupon", "Outcome", "Quote", "Use", "WantedCoupons",
    "cards_of_codes", "check_claimable", "claim", "claim_many", "coupon_of", "coupons_made_on", "find_codes",
    "give_back", "judge", "redeem",
]  # fmt: skip
