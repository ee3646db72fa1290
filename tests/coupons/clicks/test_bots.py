"""Who is taken for a person and who is not."""

import pytest

from coupons.clicks.bots import agent_of

PEOPLE = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) AppleWebKit/605.1.15 MicroMessenger/8.0.42 Language/zh_CN",
    "Mozilla/5.0 (Linux; Android 13; V2170A) AppleWebKit/537.36 Chrome/116 Mobile Safari/537.36 MiniProgramEnv",
    "Mozilla/5.0 (Linux; Android 13) AppleWebKit/537.36 Chrome/119 Mobile Safari/537.36 Weibo (HUAWEI__weibo__13.1)",
    "Mozilla/5.0 (Linux; Android 13; CUBOT X30) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/119 Mobile Safari/537.36",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Safari/605.1.15",
    "Opera/9.80 (J2ME/MIDP; Opera Mini/4.2) Presto/2.5 Version/10.54",
)
FETCHERS = (
    "",
    "-",
    "Mozilla",
    "x" * 200,
    "Mozilla/5.0 <script>alert(1)</script>",
    "Mozilla/5.0 ${jndi:ldap://x}",
    "curl/8.5.0",
    "Wget/1.21.4",
    "python-requests/2.32.0",
    "Python-urllib/3.11",
    "python-httpx/0.28.1",
    "Go-http-client/2.0",
    "okhttp/4.12.0",
    "Java/17.0.2",
    "PostmanRuntime/7.39.0",
    "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
    "Mozilla/5.0 (compatible; Baiduspider/2.0; +http://www.baidu.com/search/spider.html)",
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/120.0 Safari/537.36",
    "WhatsApp/2.23.20.0 A",
    "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)",
    "TelegramBot (like TwitterBot)",
    "facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)",
    "Mozilla/5.0 (compatible; Discordbot/2.0; +https://discordapp.com)",
    "DingTalkBot-LinkService/1.0 (+https://open-doc.dingtalk.com)",
    "Mozilla/5.0 (compatible; WeChatBot/1.0)",
    "Mozilla/5.0 (compatible; weibo.com-bot/1.0)",
    "Mozilla/5.0 (Windows NT 10.0) Feishu URL Preview Service/1.0",
    "QQ-URL-Manager/1.0",
    "SkypeUriPreview Preview/0.5 skype-url-preview@microsoft.com",
    "kakaotalk-scrap/1.0; +https://devtalk.kakao.com/",
)


@pytest.mark.parametrize("user_agent", PEOPLE)
def test_a_browser_is_a_person(user_agent: str) -> None:
    assert not agent_of(user_agent, "redirect").is_bot
    assert not agent_of(user_agent, "api").is_bot
    assert len(agent_of(user_agent, "redirect").hash) == 8


@pytest.mark.parametrize("user_agent", FETCHERS)
def test_a_program_that_fetches_is_none(user_agent: str) -> None:
    assert agent_of(user_agent, "redirect").is_bot


def test_through_the_api_a_tool_tells_of_somebody_else() -> None:
    for user_agent in ("", "python-httpx/0.28.1", "okhttp/4.12.0", "Java/17.0.2", "curl/8.5.0", "-"):
        assert not agent_of(user_agent, "api").is_bot, user_agent
    assert agent_of("Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)", "api").is_bot


def test_without_a_name_there_is_no_hash() -> None:
    assert agent_of("", "redirect").hash == b""
