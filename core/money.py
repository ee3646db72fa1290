"""Money as whole minor units: currencies, and sharing a sum without losing a cent. Integers only, never a float."""

from collections.abc import Sequence

BPS = 10_000
"""Basis points in one whole: rate_bps / BPS."""

MAX_AMOUNT = 10**15
"""The largest sum one order or one item may have, in minor units; leaves room to add up thousands in a bigint."""

# ISO 4217, list one of 2026-01-01, by exponent; the codes that have none (metals, XDR, XXX …) cannot be paid in
_CODES_BY_EXPONENT = {
    0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF",
    2: """
        AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BOV BRL BSD BTN BWP BYN BZD CAD CDF CHE CHF CHW CNY
        COP COU CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS
        INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MXV MYR
        MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP
        STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD USN UYU UZS VED VES WST XAD XCD XCG YER ZAR ZMW ZWG
    """,
    3: "BHD IQD JOD KWD LYD OMR TND",
    4: "CLF UYW",
}

CURRENCY_EXPONENTS = {code: exponent for exponent, codes in _CODES_BY_EXPONENT.items() for code in codes.split()}
"""Digits after the decimal point of every active ISO 4217 currency: an amount of 1 is 10 ** -exponent of the unit."""


def share(total: int, weights: Sequence[int]) -> list[int]:
    """`total` split in proportion to `weights`: largest remainder, ties to the earlier; the parts sum to it exactly.

    Neither may be negative. While `total` is at most the sum of the weights, no part exceeds its weight.

    Raises:
        ValueError: there is something to share and nothing to share it over.
    """
    if not total:
        return [0] * len(weights)
    whole = sum(weights)
    if not whole:
        raise ValueError("a sum cannot be shared over weights that are all zero")
    return share_exact(total, [total * weight for weight in weights], whole)


def share_exact(total: int, numerators: Sequence[int], denominator: int) -> list[int]:
    """Whole parts near the exact terms `numerators[i] / denominator`, summing to `total`.

    Each part is the floor of its term; what `total` has beyond the floors goes, one each, to the largest remainders,
    ties to the earlier. A term without remainder gets nothing extra.

    Raises:
        ValueError: `total` is not between the sum of the floors and the sum of the terms.
    """
    parts = [numerator // denominator for numerator in numerators]
    left = total - sum(parts)
    if left:
        remainders = [numerator % denominator for numerator in numerators]
        if not 0 < left * denominator <= sum(remainders):
            raise ValueError("the total is not the whole part of the terms")
        # a reversed sort is stable, so equal remainders stay in the order of the lines
        for index in sorted(range(len(parts)), key=remainders.__getitem__, reverse=True)[:left]:
            parts[index] += 1
    return parts
