//! The words that a stream is full of, by language: they tell a text's language, and are no key to look a post up by.

use std::collections::HashSet;
use std::sync::LazyLock;

/// Little words (and the commonest of praise and blame, for short posts), folded, without apostrophes.
pub const WORDS: &[(&str, &str)] = &[
    (
        "en",
        "the and is are was were of to in it that this i you we they he she my your for with on at not but have has \
     had do does did dont cant im its be been will would just so what why how when who from about out up all more no \
     love great good bad thanks thank please help best worst never always today get got new happy wait really very me if \
     or as by an a there their them his her our amazing awful terrible",
    ),
    (
        "de",
        "der die das und ist sind war nicht ein eine einen einem ich du wir ihr sie es mit auf fur von zu im den dem \
     des auch noch nur schon so wie was warum wann wenn aber oder mein dein euer euch bei nach aus hat habe haben wird \
     werden kann sehr mehr immer nie heute danke bitte gut schlecht am zum zur mich mir uns dass",
    ),
    (
        "fr",
        "le la les et est sont un une des du de je tu il elle nous vous ils pas ne que qui dans pour avec sur au aux \
     ce cette ces mon ma mes votre vos mais ou plus tres bien merci jai cest quand pourquoi comment toujours jamais \
     fait etre avoir encore depuis suis rien en tout bonjour",
    ),
    (
        "es",
        "el la los las y es son un una de del que en no por para con se lo le su mi tu yo me te muy pero mas como \
     cuando donde porque esta este esto hay gracias hola todo siempre nunca bien hoy ser ya si al a sin desde",
    ),
    (
        "pt",
        "o a os as e um uma de do da dos das que em no na nos nas nao por para com se meu minha seu sua eu voce muito \
     mas mais como quando onde porque esta este isso obrigado obrigada ola tudo sempre nunca bem hoje ser ja ao ate foi \
     pra ta",
    ),
    (
        "it",
        "il lo la i gli le e un una di del della dei che in non per con si mi ti ci sono sei ma piu come quando dove \
     perche questo questa grazie ciao tutto sempre mai bene oggi essere gia al alla ho hai ha anche molto da nel sono",
    ),
    (
        "nl",
        "de het een en is zijn was niet ik je jij wij we jullie met op voor van te in dat dit die er ook nog maar als \
     wat waarom wanneer mijn heb heeft hebben wordt kan heel meer altijd nooit vandaag dank bedankt goed slecht naar bij \
     om aan geen wel",
    ),
    (
        "sv",
        "och ar inte en ett jag du vi ni det den att som pa for med av till har hade kan ska men om vad varfor nar min \
     din mycket alltid aldrig idag tack bra daligt fran eller sa bara mig",
    ),
    (
        "da",
        "og er ikke en et jeg du vi det den at som pa for med af til har kan skal men om hvad hvorfor nar min din meget \
     altid aldrig tak godt fra eller sa bare mig efter",
    ),
    (
        "no",
        "og er ikke en et jeg du vi dere det den at som pa for med av til har kan skal men om hva hvorfor nar min din \
     veldig alltid aldri takk bra fra eller sa bare meg etter",
    ),
    (
        "fi",
        "ja on ei se etta mina sina han me te he olen oli ole kun niin mutta vain myos nyt mita miksi kiitos hyva kanssa \
     tai jos kuin ovat taas",
    ),
    (
        "pl",
        "i w na z nie to jest sie ze do jak ale co o za po od dla czy tak juz mam jestem bardzo dziekuje prosze tylko \
     moj dlaczego kiedy gdzie byl byla tego przez",
    ),
    (
        "cs",
        "a je se na to v ze s z do jak ale co o za po od pro tak uz mam jsem jsou velmi dekuji prosim jen muj proc kdy \
     kde byl byla toho pri neni",
    ),
    (
        "ro",
        "si este nu un o de la in cu pe care ca sa mai din pentru sunt am ai a fost foarte multumesc dar ce cum cand \
     unde acest tot bine",
    ),
    (
        "hu",
        "a az es nem hogy egy is van volt de csak mar meg ez azt mert ha mint nagyon koszonom miert mikor hol nincs \
     vagyok jo minden",
    ),
    (
        "tr",
        "ve bir bu da de icin ile cok ne var yok ben sen biz siz o ama gibi daha en mi mu neden nasil tesekkurler iyi \
     kotu degil olarak her sonra kadar",
    ),
    (
        "id",
        "yang dan di ini itu dengan untuk tidak dari ke ada saya kamu aku kita anda akan bisa sudah juga tapi apa kenapa \
     kapan terima kasih sangat lagi belum jangan karena nya gak",
    ),
];

/// Whether a folded word is among them, in whatever language.
pub fn is_little(word: &str) -> bool {
    static ALL: LazyLock<HashSet<&str>> =
        LazyLock::new(|| WORDS.iter().flat_map(|(_, words)| words.split_whitespace()).collect());
    ALL.contains(word)
}
