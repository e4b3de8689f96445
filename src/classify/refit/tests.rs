//! Invented features: a shift of the domain is learned, noise and too little are refused.

use super::*;

const WIDTH: usize = 12;

/// Numbers from -1 to 1 without a pattern.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> f32 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 40) as f32 / (1 << 23) as f32 - 1.0
    }

    fn row(&mut self) -> Vec<f32> {
        (0..WIDTH).map(|_| self.next()).collect()
    }
}

/// Each class is told by a feature of its own.
fn old() -> Layer {
    let weights = (0..CLASSES).map(|class| (0..WIDTH).map(|at| if at == class { 4.0 } else { 0.0 }).collect());
    Layer { weights: weights.collect(), bias: vec![0.0; CLASSES] }
}

/// In the new domain, feature 3 tells of negative what feature 0 told before, and positive is rarer said than meant.
fn there() -> Layer {
    let mut layer = old();
    layer.weights[0][3] = 5.0;
    layer.weights[0][0] = 0.0;
    layer.bias[2] = 1.5;
    layer
}

fn texts(count: usize) -> Vec<Vec<f32>> {
    let mut numbers = Numbers(7);
    (0..count).map(|_| numbers.row()).collect()
}

fn rows(texts: &[Vec<f32>], class: impl Fn(usize, &[f32]) -> usize) -> Vec<Row<'_>> {
    let group = |n: usize| (n as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 7;
    texts.iter().enumerate().map(|(n, text)| Row { features: text, class: class(n, text), group: group(n) }).collect()
}

fn by(layer: &Layer) -> impl Fn(usize, &[f32]) -> usize {
    move |_, text| best(&layer.logits(text))
}

#[test]
fn a_shift_of_the_domain_is_learned() {
    let (all, there) = (texts(800), there());
    let (seen, unseen) = all.split_at(300);
    let others: Vec<&[f32]> = unseen.iter().map(Vec::as_slice).collect();
    let found = refit(&rows(seen, by(&there)), &[], &old()).unwrap();
    let right = |layer: &Layer| 1.0 - moved(&there, layer, &others);
    assert!(right(&found.layer) > right(&old()) + 0.15, "{} after {}", right(&found.layer), right(&old()));
    let trial = found.trial;
    assert!(trial.texts == 300 && trial.gain.low > 0.05 && trial.new.value > trial.old.value, "{trial:?}");
    // What it promises holds on texts that it never saw.
    assert!((trial.new.low - 0.05..=trial.new.high + 0.05).contains(&right(&found.layer)), "{trial:?}");
    assert!(found.layer.is_sound() && found.moved == 0.0);
    // Here it moves more than a fifth of what nobody corrected.
    let Err(Refusal::TooFar(share)) = refit(&rows(seen, by(&there)), &others, &old()) else { panic!() };
    assert_eq!(share, moved(&old(), &found.layer, &others));
}

#[test]
fn noise_is_refused() {
    let all = texts(150);
    let noise = refit(&rows(&all, |n, _| (n * n + n / 7) % 3), &[], &old());
    assert!(matches!(noise, Err(Refusal::NoGain(_))), "{noise:?}");
    // Labels that the old layer gives anyway teach nothing.
    let same = refit(&rows(&all, by(&old())), &[], &old());
    let Err(Refusal::NoGain(trial)) = same else { panic!("{same:?}") };
    assert!(trial.old.value == 1.0 && trial.gain.value <= 0.0, "{trial:?}");
}

#[test]
fn errors_alone_are_refused() {
    let all = texts(300);
    let wrong = refit(
        &rows(&all, |n, text| if n % 8 == 0 { by(&old())(n, text) } else { (by(&old())(n, text) + 1) % 3 }),
        &[],
        &old(),
    );
    assert_eq!(wrong, Err(Refusal::OnlyErrors { agreeing: 38, texts: 300 }));
}

#[test]
fn too_few_are_refused_with_what_is_missing() {
    let all = texts(90);
    let few = refit(&rows(&all, |n, _| usize::from(n % 6 == 0)), &[], &old()).unwrap_err();
    assert_eq!(
        few.to_string(),
        "90 corrected texts, copies counted once (negative 75, neutral 15, positive 0); 100 and 20 of each are needed: \
         10 in all, 5 neutral, 20 positive are missing"
    );
    // A thousand copies are one text.
    let one = texts(1);
    let copies: Vec<Row<'_>> = (0..1_000).map(|n| Row { features: &one[0], class: n % 3, group: 5 }).collect();
    assert_eq!(refit(&copies, &[], &old()), Err(Refusal::TooFew([1, 0, 0])));
}

#[test]
fn a_strong_draw_leaves_the_old_layer() {
    let (all, there) = (texts(200), there());
    let rows = rows(&all, by(&there));
    let texts = Texts::new(&rows, &old());
    let moved_by = |strength| {
        let mut shift = texts.still();
        texts.descend(&mut shift, strength, |_| true);
        let layer = texts.layer(&old(), &shift);
        layer
            .weights
            .iter()
            .zip(old().weights)
            .flat_map(|(a, b)| a.iter().zip(b).map(|(a, b)| (a - b).abs()).collect::<Vec<_>>())
            .fold(0.0, f32::max)
    };
    assert!(moved_by(1e6) < 1e-4, "{}", moved_by(1e6));
    assert!(moved_by(0.01) > 1.0, "{}", moved_by(0.01));
    // At the end of the descent nothing draws any more.
    let mut shift = texts.still();
    texts.descend(&mut shift, 0.1, |_| true);
    let left = texts.gradient(&shift, 0.1, &texts.weights(|_| true));
    assert!(left.iter().flatten().all(|g| g.abs() < 2.0 * GRADIENT_MIN), "{left:?}");
}

#[test]
fn what_cannot_be_computed_is_refused() {
    let mut all = texts(120);
    all[5][0] = f32::NAN;
    assert_eq!(refit(&rows(&all, |n, _| n % 3), &[], &old()), Err(Refusal::BadShape));
    let narrow = Layer { weights: vec![vec![1.0; WIDTH - 1]; CLASSES], bias: vec![0.0; CLASSES] };
    assert_eq!(refit(&rows(&texts(120), |n, _| n % 3), &[], &narrow), Err(Refusal::BadShape));
}
