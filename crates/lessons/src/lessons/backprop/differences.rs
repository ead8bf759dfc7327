//! Central differences of the lesson's loss.

use glassbox_scratch::Network;
use glassbox_spec::Pass;

use super::subject::Subject;
use crate::LessonError;

/// 2⁻¹⁶, of a number or of 1 if that is more. Added to the lesson's numbers, which are `f32`, it loses nothing.
const STEP: f32 = 1.0 / 65_536.0;

impl Subject {
    /// (L(w + h) − L(w − h)) / 2h for each parameter and then each pixel, in the order of [`Subject::gradients`].
    ///
    /// The divisor is the distance that rounding to `f32` left between the two points.
    pub(super) fn differences(&self) -> Result<Vec<f64>, LessonError> {
        let mut differences = Vec::new();
        for tensor in 0..self.parameters.len() {
            for at in 0..self.parameters[tensor].values.len() {
                differences
                    .push(self.difference(|subject| &mut subject.parameters[tensor].values[at])?);
            }
        }
        for at in 0..self.image.len() {
            differences.push(self.difference(|subject| &mut subject.image[at])?);
        }
        Ok(differences)
    }

    fn difference(&self, element: impl Fn(&mut Self) -> &mut f32) -> Result<f64, LessonError> {
        let moved = |steps: f32| {
            let mut subject = self.clone();
            let place = element(&mut subject);
            *place += steps * STEP * place.abs().max(1.0);
            let value = f64::from(*place);
            subject.loss().map(|loss| (value, loss))
        };
        let ((high, above), (low, below)) = (moved(1.0)?, moved(-1.0)?);
        Ok((above - below) / (high - low))
    }

    fn loss(&self) -> Result<f64, LessonError> {
        let network = Network::<f64>::new(&self.plan, &self.parameters)?;
        let trace = network.trace(&self.image64(), Some(&[self.label]), Pass::Inference)?;
        Ok(trace.loss.unwrap_or(0.0))
    }
}
