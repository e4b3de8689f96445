"""A thousand invented texts, none from any data set, on which whoever runs the encoder must agree with its trainer."""

import random

from golden import BRANDS, SENTENCES, TEXTS

COUNT = 1_000
# (words that open, words that close) by language, set around a sentence or a brand.
OPEN = [
    "Hello {}, ", "ugh. ", "Bonjour, ", "Hallo, ", "¡Hola! ", "Ciao, ", "Oi, ", "مرحبا، ", "yaar ", "नमस्ते ", "привет, ", "你好，",
    "RT ", "@user ", "@kestrel.help@social.example ", ".@user ", "#monday ", "1) ", "PSA: ", "“quote” ", "LOL ", "okayyyy ",
]
CLOSE = [
    " 😍", " 🙄🙄🙄🙄", " 👍🏽", " ❤️❤", " 😂😂", " 🇮🇹🇧🇷", " 👩‍💻", " 🏳️‍🌈", " :)", " :-(", " </3", " &lt;3 &amp; more", "!!!!!!", "???", "…", " #fail",
    " #CustomerServiceFail", " #worstserviceever", " #NBAfinals2031", " #2031goals", " #no_answer_yet", " #SCHLECHT", " #مشكلة",
    " #trèsBien", " https://shop.example/a?b=c#d now", " (www.x.example) ok", " http", " soooo much", " nooooo", " cooool",
    " yeeees!!", " 𝓽𝓱𝓪𝓷𝓴𝓼", " ＴＨＸ", " ٣ مرات", " ۴", " z\u0300\u0301\u0302a\u0300", " \u200bhidden\u200b", " ‼ ⁉", " don’t", " it`s",
    " «non»", " – really — no", " 3pm", " 24/7", " 50%", " £3.50", " C++ & C#", " a_b_c", " e-mail", " wtf", " smh", " thx", " bhai kya hua",
]
MORE = [
    "Where is my order from {}?", "can somebody at {} call me back today", "{} ruined my weekend", "I am so proud of {}!",
    "meh, {} is okay i guess", "sure {}, because waiting two hours is fun", "{} opens a store in Porto on Friday",
    "Ma commande chez {} n'est jamais arrivée", "Quelle belle surprise de {}", "Die App von {} stürzt dauernd ab",
    "{} hat super Leute", "La aplicación de {} no funciona", "{} me salvó el día", "L'app di {} non va", "Che bello, {}!",
    "O aplicativo da {} não abre", "{} é o melhor", "تطبيق {} لا يعمل", "أحب {} كثيرا", "{} bahut accha hai", "{} ki service bekar hai",
    "{} ka naya phone kab aayega", "приложение {} не открывается", "{}のアプリが動かない", "{} 앱이 안 열려요", "{} 的应用打不开",
]
EXTRA = [
    "###", "#", "#a", "#A", "#_", "#__a__", "#aB", "#ABc", "#ABCdef", "#a1b2", "#ünïcödé", "#" + "a" * 60, "#" + "service" * 10,
    "#iloveit #ihateit #igiveup", "#thisisridiculous", "&amp;amp;", "&lt;&gt;&quot;&#39;", "& amp;", "&AMP;", "a&amp;b", "\ufffc\ufffd",
    "!" * 300, "?!" * 200, "😀" * 3, "😀 😀 😀", "😀a😀a😀", "\u0301" * 3_000, "a" + "\u0301" * 2_500 + "b", "aaa bbb ccc 111 222", "aaaa" * 9,
    "a" * 40, "a" * 41, "x y " * 1_000, "漢字" * 100, "かな" * 30, "\U0001d400\U0001d41a\U0001d7ce\U0001d6a3", "ŀ ĸ ŉ ŧ ŋ æ Æ ø Ø ß ð Þ œ",
    "@a@b@c", "@é", "@漢", "@1", "@_a", "HTTP://X.EXAMPLE/A b", "hTTpS://x.example", "http.", "httpx", "www", "w w w", "\t\t", "\r\n",
    "[CLS] [SEP] [UNK] [PAD]", "##ing", "@user", "http http http",
]


def texts():
    rng = random.Random(7)
    out = list(dict.fromkeys(TEXTS + EXTRA))
    sentences = SENTENCES + MORE
    seen = set(out)
    while len(out) < COUNT:
        brand = rng.choice(BRANDS)
        text = rng.choice(sentences).format(*[brand] * 2)
        if rng.random() < 0.5:
            text = rng.choice(OPEN).format(brand) + text
        for _ in range(rng.choice([0, 1, 1, 2, 3])):
            text += rng.choice(CLOSE)
        if rng.random() < 0.1:
            text = text.upper()
        if rng.random() < 0.05:
            text = " ".join([text] * rng.randint(2, 12))
        if text not in seen:
            seen.add(text)
            out.append(text)
    return out
