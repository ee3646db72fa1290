"""What WeChat's error numbers mean for us. Pure; as the pages of the calls list them."""

from coupons.sharing.wechat.protocol import Failure, Refused, Throttled, TokenEnded

_TOKEN_ENDED = frozenset({40001, 40014, 42001})
_BUSY = frozenset({-1, 45063})
_MINUTE = frozenset({45011, 44990})
_DAY = frozenset({45009, 44993, 45029})
_REASONS = {
    "wrong_app": {40002, 40013, 40125, 41002, 41004, 43002},
    "not_allowed": {40164, 43104, 48001, 50004, 50007, 61004, 85096},
    "wrong_page": {41030, 40159, 40165, 40066},
    "not_published": {85079},
    "wrong_content": {40097, 40129, 40169, 40212, 47001, 47003, 85401, 85402},
    "wrong_template": {40037},
    "wrong_person": {40003},
    "no_consent": {43101},
}
_REASON_OF = {errcode: reason for reason, errcodes in _REASONS.items() for errcode in errcodes}

BUSY_SECONDS, MINUTE_SECONDS, DAY_SECONDS = 2, 60, 3600


def failure_of(errcode: int) -> Failure:
    """What an `errcode` other than 0 means."""
    if errcode in _TOKEN_ENDED:
        return TokenEnded(errcode)
    for errcodes, seconds in ((_BUSY, BUSY_SECONDS), (_MINUTE, MINUTE_SECONDS), (_DAY, DAY_SECONDS)):
        if errcode in errcodes:
            return Throttled(errcode, seconds)
    return Refused(errcode, _REASON_OF.get(errcode, "other"))
