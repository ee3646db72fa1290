"""What sharing can be refused for."""

from core.errors import Conflict, DomainError, Unavailable


class MiniProgramMissing(Conflict):
    code = "mini_program_missing"
    title = "The program has no mini-program set up"


class WeChatRefused(DomainError):
    """WeChat answered no; `errcode` is its number, `reason` ours for it."""

    status = 502
    code = "wechat_refused"
    title = "WeChat refused"


class WeChatUnavailable(Unavailable):
    code = "wechat_unavailable"
    title = "WeChat cannot be asked now"
