//! The loss: softmax cross-entropy on logits.

use super::items;
use crate::Real;

/// Softmax and its cross-entropy against the labels, mean over the batch (Goodfellow et al., "Deep Learning", section
/// 6.2.2.3), with the largest logit m subtracted first so that nothing overflows:
///
/// ```text
/// p[n,k] = e^(z[n,k] − m) / Σ_l e^(z[n,l] − m)
/// loss   = 1/N · Σ_n ( ln Σ_l e^(z[n,l] − m)  −  (z[n, label[n]] − m) )
/// ```
///
/// Shapes: probabilities and logits `[n, classes]`, labels `[n]`, each below `classes`.
pub fn cross_entropy_forward<T: Real>(
    loss: &mut T,
    probabilities: &mut [T],
    logits: &[T],
    labels: &[u16],
) {
    let classes = items(logits, labels.len());
    assert_eq!(probabilities.len(), logits.len(), "probabilities");
    let mut total = T::zero();
    for (n, label) in labels.iter().enumerate() {
        let row = n * classes..(n + 1) * classes;
        let (logits, probabilities) = (&logits[row.clone()], &mut probabilities[row]);
        let largest = logits.iter().copied().fold(T::neg_infinity(), T::max);
        let mut sum = T::zero();
        for (p, z) in probabilities.iter_mut().zip(logits) {
            *p = (*z - largest).exp();
            sum += *p;
        }
        for p in probabilities.iter_mut() {
            *p = *p / sum;
        }
        total += sum.ln() - (logits[usize::from(*label)] - largest);
    }
    *loss = total / T::of(labels.len() as f64);
}

/// The gradient of [`cross_entropy_forward`]:
///
/// ```text
/// d_z[n,k] = ( p[n,k] − [k = label[n]] ) / N
/// ```
///
/// Shapes: d_logits and probabilities `[n, classes]`, labels `[n]`, each below `classes`.
pub fn cross_entropy_backward<T: Real>(d_logits: &mut [T], probabilities: &[T], labels: &[u16]) {
    let classes = items(probabilities, labels.len());
    assert_eq!(d_logits.len(), probabilities.len(), "d_logits");
    let count = T::of(labels.len() as f64);
    for (n, label) in labels.iter().enumerate() {
        for k in 0..classes {
            let target = if k == usize::from(*label) {
                T::one()
            } else {
                T::zero()
            };
            d_logits[n * classes + k] = (probabilities[n * classes + k] - target) / count;
        }
    }
}
