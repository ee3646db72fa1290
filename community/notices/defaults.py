"""The texts that are used until a program writes its own: one a topic and language. Pure."""

_WHO_EN = "{% if you == 'member' %}You{% else %}{{ member }}{% endif %}"
_WHO_ZH = "{% if you == 'member' %}你{% else %}{{ member }}{% endif %}"
_RANKS = "{% for row in top %}\n{{ row.rank }}. {{ row.member }}"
_SUM = "{% if row.amount %} {{ row.amount|money }}{% elif row.count %} {{ row.count }}{% endif %}{% endfor %}"

TEXTS: dict[tuple[str, str], str] = {
    ("member", "en"): "{% if change == 'enrolled' %}" + _WHO_EN + "{% if you == 'member' %} are{% else %} is{% endif %}"
    " now an affiliate.{% elif you == 'inviter' %}{{ member }} joined through you.{% elif inviter %}"
    "Welcome, {{ member }}, invited by {{ inviter }}.{% else %}Welcome, {{ member }}.{% endif %}",
    ("member", "zh"): "{% if change == 'enrolled' %}" + _WHO_ZH + "已成为推广员。{% elif you == 'inviter' %}"
    "{{ member }} 通过你的邀请加入了。{% elif inviter %}欢迎 {{ member }} 加入，邀请人 {{ inviter }}。{% else %}"
    "欢迎 {{ member }} 加入。{% endif %}",
    ("order", "en"): "{% if member %}" + _WHO_EN + " sold an order{% else %}A new order{% endif %}"
    "{% if amount %} of {{ amount|money }}{% endif %}{% if first %}, to a first-time customer{% endif %}.",
    ("order", "zh"): "{% if member %}" + _WHO_ZH + "推广成交一单{% else %}新订单{% endif %}"
    "{% if amount %}，{{ amount|money }}{% endif %}{% if first %}，来自新客{% endif %}。",
    ("commission", "en"): _WHO_EN + " earned a commission{% if amount %} of {{ amount|money }}{% endif %}.",
    ("commission", "zh"): _WHO_ZH + "获得佣金{% if amount %} {{ amount|money }}{% endif %}。",
    ("matured", "en"): "{% if you == 'member' %}{% if amount %}{{ amount|money }} of your commission is{% else %}"
    "Your commission is{% endif %} now available.{% else %}{{ count }} commissions of {{ members }} members are now "
    "available{% if amount %}: {{ amount|money }}{% endif %}.{% endif %}",
    ("matured", "zh"): "{% if you == 'member' %}你的佣金{% if amount %} {{ amount|money }}{% endif %} 已解冻，可提现。"
    "{% else %}{{ members }} 位会员的 {{ count }} 笔佣金已解冻{% if amount %}，共 {{ amount|money }}{% endif %}。"
    "{% endif %}",
    ("reversed", "en"): "{% if you == 'member' %}A commission of yours{% else %}A commission of {{ member }}"
    "{% endif %} was reversed{% if amount %}: {{ amount|money }}{% endif %}"
    "{% if cause == 'refund' %}, for the order was refunded{% endif %}.",
    ("reversed", "zh"): _WHO_ZH + "的佣金{% if amount %} {{ amount|money }}{% endif %} 已追回"
    "{% if cause == 'refund' %}（订单退款）{% endif %}。",
    ("payout", "en"): "{% if change == 'paid' %}" + _WHO_EN + "{% if you == 'member' %} were{% else %} was{% endif %}"
    " paid{% if net %} {{ net|money }}{% endif %}.{% else %}A payout{% if amount %} of {{ amount|money }}{% endif %} "
    "{% if change == 'returned' %}came back{% else %}failed{% endif %}; please check the payout method.{% endif %}",
    ("payout", "zh"): "{% if change == 'paid' %}" + _WHO_ZH + "的打款{% if net %} {{ net|money }}{% endif %} 已到账。"
    "{% else %}打款{% if amount %} {{ amount|money }}{% endif %} {% if change == 'returned' %}被退回{% else %}失败"
    "{% endif %}，请检查收款方式。{% endif %}",
    ("milestone", "en"): "{% if you == 'member' %}You have{% else %}{{ member }} has{% endif %} "
    "{% if change == 'orders' %}sold {{ count }} order{% if count > 1 %}s{% endif %}{% elif amount %}"
    "sold goods of {{ amount|money }}{% else %}reached a new mark of sales{% endif %}!",
    ("milestone", "zh"): "恭喜{% if you == 'member' %}你{% else %} {{ member }} {% endif %}"
    "{% if change == 'orders' %}累计成交 {{ count }} 单{% elif amount %}累计销售额达到 {{ amount|money }}{% else %}"
    "销售额再创新高{% endif %}！",
    ("coupon", "en"): "{% if change == 'new' %}New coupon: {{ coupon }}.{% elif change == 'low' %}"
    "Only {{ left }} left of coupon {{ coupon }}.{% elif change == 'granted' %}You have been given coupon "
    "{{ coupon }}.{% else %}Coupon {{ coupon }} is sold out.{% endif %}",
    ("coupon", "zh"): "{% if change == 'new' %}新优惠券：{{ coupon }}。{% elif change == 'low' %}"
    "优惠券 {{ coupon }} 仅剩 {{ left }} 张。{% elif change == 'granted' %}"
    "你获得了优惠券 {{ coupon }}。{% else %}优惠券 {{ coupon }} 已领完。{% endif %}",
    ("activity", "en"): "{% if change == 'started' %}{{ activity }} has started{% if ends_at %}, until {{ ends_at }}"
    "{% endif %}.{% elif change == 'reached' %}{% if member %}{% if you == 'member' %}You have{% else %}{{ member }} "
    "has{% endif %} reached the goal of {{ activity }}.{% else %}{{ activity }} has reached its goal.{% endif %}"
    "{% elif change == 'reminder' %}{{ activity }}{% if ends_at %} ends at {{ ends_at }}{% endif %}"
    "{% if left %}; {{ left }} to go{% endif %}.{% else %}{{ activity }} has ended{% if count %}: {{ count }} took "
    "part{% endif %}.{% endif %}{% if reward %} Reward: {{ reward }}.{% endif %}{% if link %} {{ link }}{% endif %}",
    ("activity", "zh"): "{% if change == 'started' %}活动「{{ activity }}」开始了{% if ends_at %}，截止 {{ ends_at }}"
    "{% endif %}。{% elif change == 'reached' %}{% if member %}" + _WHO_ZH + "达成了活动「{{ activity }}」的目标。"
    "{% else %}活动「{{ activity }}」已达成目标。{% endif %}{% elif change == 'reminder' %}活动「{{ activity }}」"
    "{% if ends_at %} {{ ends_at }} 截止{% endif %}{% if left %}，还差 {{ left }}{% endif %}。{% else %}"
    "活动「{{ activity }}」已结束{% if count %}，{{ count }} 人参加{% endif %}。{% endif %}"
    "{% if reward %}奖励：{{ reward }}。{% endif %}{% if link %} {{ link }}{% endif %}",
    ("board", "en"): "Best {% if period == 'day' %}of the day{% elif period == 'week' %}of the week{% elif period == "
    "'month' %}of the month{% else %}of all time{% endif %} by {{ measure }}:" + _RANKS + _SUM,
    ("board", "zh"): "{% if period == 'day' %}今日{% elif period == 'week' %}本周{% elif period == 'month' %}本月"
    "{% else %}总{% endif %}{% if measure == 'sales' %}销售额{% elif measure == 'commission' %}佣金"
    "{% elif measure == 'invites' %}邀请{% elif measure == 'points' %}积分{% else %}订单{% endif %}榜："
    + _RANKS
    + _SUM,
    ("digest", "en"): "{{ day|date }}: {{ orders }} orders{% if sales %}, {{ sales|money }}{% endif %}, "
    "{{ new_members }} new members.{% if top %}\nTop sellers:{% endif %}"
    + _RANKS
    + _SUM
    + "{% if coupons %}\nNew coupons:{% endif %}{% for row in coupons %}\n- {{ row.name }}{% endfor %}"
    "{% if products %}\nMost sold:{% endif %}{% for row in products %}\n- {{ row.name }}{% if row.count %} × "
    "{{ row.count }}{% endif %}{% endfor %}{% if link %}\n{{ link }}{% endif %}",
    ("digest", "zh"): "{{ day|date }}日报：{{ orders }} 单{% if sales %}，销售额 {{ sales|money }}{% endif %}，"
    "新会员 {{ new_members }} 人。{% if top %}\n销售榜：{% endif %}"
    + _RANKS
    + _SUM
    + "{% if coupons %}\n新优惠券：{% endif %}{% for row in coupons %}\n- {{ row.name }}{% endfor %}"
    "{% if products %}\n热卖：{% endif %}{% for row in products %}\n- {{ row.name }}{% if row.count %} × "
    "{{ row.count }}{% endif %}{% endfor %}{% if link %}\n{{ link }}{% endif %}",
    ("red_packet", "en"): "{% if change == 'opened' %}A red packet{% if name %} “{{ name }}”{% endif %}"
    "{% if amount %} of {{ amount|money }}{% endif %} for {{ count }} people.{% elif change == 'finished' %}"
    "The red packet{% if name %} “{{ name }}”{% endif %} is empty{% if member %}; luckiest: {{ member }}"
    "{% if amount %} with {{ amount|money }}{% endif %}{% endif %}.{% else %}The red packet{% if name %} “{{ name }}”"
    "{% endif %} has ended{% if left %}; {{ left }} were not claimed{% endif %}.{% endif %}"
    "{% if link %} {{ link }}{% endif %}",
    ("red_packet", "zh"): "{% if change == 'opened' %}红包{% if name %}「{{ name }}」{% endif %}来了"
    "{% if amount %}，共 {{ amount|money }}{% endif %}，{{ count }} 份。{% elif change == 'finished' %}红包"
    "{% if name %}「{{ name }}」{% endif %}已抢完{% if member %}，手气最佳 {{ member }}{% if amount %} "
    "{{ amount|money }}{% endif %}{% endif %}。{% else %}红包{% if name %}「{{ name }}」{% endif %}已结束"
    "{% if left %}，{{ left }} 份未领取{% endif %}。{% endif %}{% if link %} {{ link }}{% endif %}",
    ("operations", "en"): "Group {{ group }} was paused: its chat refused five messages in a row. "
    "Check where it leads, then resume it.",
    ("operations", "zh"): "群「{{ group }}」已暂停：连续五条消息被平台拒收。请检查其地址后恢复。",
    ("group", "en"): "{% if change == 'welcome' %}Welcome{% if member %}, {{ member }}{% endif %}"
    "{% if group %}, to {{ group }}{% endif %}.{% if text %}\n{% endif %}{% elif change == 'topic' %}"
    "Topic of the day: {% elif change == 'poll' %}Poll: {% endif %}{{ text }}{% if link %}\n{{ link }}{% endif %}",
    ("group", "zh"): "{% if change == 'welcome' %}欢迎{% if member %} {{ member }}{% endif %}"
    "{% if group %} 加入{{ group }}{% endif %}。{% if text %}\n{% endif %}{% elif change == 'topic' %}"
    "今日话题：{% elif change == 'poll' %}投票：{% endif %}{{ text }}{% if link %}\n{{ link }}{% endif %}",
}

MORE = {"en": "…and {n} more", "zh": "……还有 {n} 条"}
"""Under a message that stands for several."""

NOBODY = {"en": "a member", "zh": "一位会员"}
"""In the place of a name that is hidden or not known."""
