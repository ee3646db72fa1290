"""Amounts as people read them: `¥99.00`, `£12.50`, `CHF 12.50`. Whole minor units in, text out; never a float."""

from core.money import CURRENCY_EXPONENTS

_SIGNS = {
    "AUD": "A$", "BRL": "R$", "CAD": "CA$", "EUR": "€", "GBP": "£", "HKD": "HK$", "ILS": "₪", "INR": "₹", "KRW": "₩",
    "MXN": "MX$", "NZD": "NZ$", "PHP": "₱", "TWD": "NT$", "USD": "$", "VND": "₫",
}  # fmt: skip
# one sign for two currencies: at home each goes without its country
_YEN_AND_YUAN = {"zh": {"CNY": "¥", "JPY": "JP¥"}, "en": {"CNY": "CN¥", "JPY": "¥"}}


def price_text(amount: int, currency: str, language: str = "en") -> str:
    """An amount of minor units with the currency's sign and all its decimals. `language`: zh | en."""
    digits = decimal_text(abs(amount), CURRENCY_EXPONENTS[currency])
    sign = (_SIGNS | _YEN_AND_YUAN[language]).get(currency, f"{currency} ")
    return f"{'-' if amount < 0 else ''}{sign}{digits}"


def decimal_text(units: int, exponent: int) -> str:
    """1250 with exponent 2 as `12.50`; units are 0 or more."""
    whole, rest = divmod(units, 10**exponent)
    return f"{whole}.{rest:0{exponent}}" if exponent else str(whole)


def percent_text(bps: int) -> str:
    """Basis points as a percentage without needless zeros: 1250 as `12.5%`."""
    return decimal_text(bps, 2).rstrip("0").rstrip(".") + "%"
