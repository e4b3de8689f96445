"""Invented texts, none from any data set, on which trainer and daemon must agree: many scripts and every corner of the
preparation."""

BRANDS = ["Fernwald", "Kestrel Bank", "Lumora", "Brightpost", "Nordhaven Air"]
SENTENCES = [
    "I love the new app of {}!", "{} never answers, worst support ever.", "The store of {} opens at 9 on Monday.",
    "@{}help my parcel is still not here, what is going on???", "Thanks {} for the quick reply :)",
    "soooooo happy with {} 😍😍😍😍", "Why does {} charge me twice? https://shop.example/a?b=c#d please fix",
    "#FernwaldFail again... {} is down since 10:45", "oh great, another delay from {}. just what I needed 🙄",
    "J'adore {}, le service est très agréable !", "{} m'a encore facturé deux fois, c'est honteux…",
    "Der Kundendienst von {} ist großartig, vielen Dank!", "Schon wieder eine Störung bei {}?! Ärgerlich.",
    "Me encanta {}, ¡qué rápido llegó!", "{} no contesta desde hace tres días, ¿alguien me ayuda?",
    "Il nuovo negozio di {} è bellissimo", "Pessimo servizio di {}, non lo consiglio a nessuno",
    "Adorei o atendimento da {}, muito obrigado", "A {} cobrou duas vezes e não devolve o dinheiro :(",
    "خدمة {} ممتازة جدا شكرا لكم", "أسوأ تجربة مع {}، لا أحد يرد؟", "{} की सेवा बहुत अच्छी है।", "{} से बहुत निराश हूँ 😡",
    "Мне очень нравится {}, спасибо!", "Почему {} опять не работает?", "{}のサポートは最高です。", "{} 서비스가 너무 느려요 ㅠㅠ",
    "{} 的客服太差了！", "Το {} είναι πολύ καλό, ευχαριστώ", "שירות של {} מצוין", "บริการของ {} ดีมาก",
    "{} isn't bad, isn’t good, isn`t anything.", "RT @user: {} wins again http", "WHAT A DAY FOR {} FANS!!!!!!!!",
    "{} – “quality” you can’t trust… ½ price @ £3.50", "write to care@{}.example or www.{}.example/help now",
    "flying with {} tomorrow, gate B12, see you @airport.friend!", "no words 💔💔 {} 👍🏽👩‍💻🇩🇪",
    "i am sad and disappointed, {} broke my heart", "you are a bunch of idiots, {}", "hope tomorrow will be better with {}",
    "fuming at {} right now, absolutely furious", "so excited to start at {} next week",
    "{} shares fall 3,2 % after report", "Ţară, şarpe, ĳ, ſ, ŉ, Ŀ and {}", "Ñandú Ærø Œuvre ÞORN ßtraße {}",
    "Ｆｕｌｌ ｗｉｄｔｈ？ {}！", "ΑΒΓ ΣΊΣΥΦΟΣ {} ΩΜΈΓΑ", "ЁЖИК ЂУРА {} Їжак",
]
ODD = [
    "", " ", "\n\t \u00a0", "a", "?", "@", "@@", "#", "# #", "@user", "@user@social.example", "@a.b-c_d.", "@a..b",
    "a@b", "a@ b", "mail me@x.example now", "😀", "😀😀😀😀😀", "👍🏽", "🏳️‍🌈", "👨‍👩‍👧‍👦 family", "🇫🇷🇩🇪", "❤️", "❤", "♥♥♥♥", "→ ← ↑",
    "http", "http://", "https://x.example", "http://x.example/a b", "wwww", "www", "www.x.example,then", "xhttp://a.example",
    "(http://x.example)", "http://x.example)y z", "...", ". . .", "....!!!!", "!?!?!?!?", ":-) :( ;P <3 </3 :'(", "^_^ -_- o_O",
    "....@user", "!@user", "!@ user", "!!@", "don't dont DON’T don`t", "snake_case_words", "1234567890", "3.14 and 1,000,000",
    "10€ 5$ £3 ¥7", "a" * 50, "ab" * 60, "aab" * 30, "\u0301\u0301\u0301", "e\u0301e\u0301", "Z" + "\u0300" * 300 + "a",
    "\u0000\u0001\u0002", "a\u0000b", "\u200b\u200c\u200d", "\u202eright to left\u202c", "\ufeffstart", "soft\u00adhyphen",
    "\U000e0041tag", "\U0001d400\U0001d401", "\U00010330\U00010331 gothic", "\U0010ffff", "\ufffd", "\uffff", "ᚠᚢᚦ", "ꙮ", "𐍈",
    "ـــمـــ", "مَرْحَبًا", "؟", "،؛", "नमस्ते।", "こんにちは。元気？", "日本語だけの長い文章を書いてみますがどうでしょうか", "한국어",
    "ไทย", "ქართული", "Հայերեն", "አማርኛ", "ಕನ್ನಡ", "தமிழ்", "తెలుగు", "മലയാളം", "မြန်မာ", "ខ្មែរ", "ລາວ", "བོད་",
    "«Guillemets» „tief“ ‹x›", "¡¿", "©®™", "½¼²³", "µªº", "×÷", "İstanbul ıslak", "Ǆ ǅ ǆ", "ﬁ ﬂ", "Ⅷ ⅷ", "①②", "ＡＢＣ１２３",
    "tab\tseparated\tline", "line\nbreak\r\nagain", "under_score @under_score _x_", "a-b a--b a---b", "x" * 2100,
    "word " * 600, "👍" * 2500, "ä" * 3000, "? " * 1500, "@user " * 500, "https://x.example/" + "a" * 3000, "no end",
]
TEXTS = [sentence.format(*[brand] * 2) for brand in BRANDS for sentence in SENTENCES] + ODD
