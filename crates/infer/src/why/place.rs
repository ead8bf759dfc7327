//! Where a number is in its tensor: indices, held against the shape and counted along its axes.

use glassbox_spec::Shape;

use super::{
    Why,
    answer::Axis,
    element::{Element, Tensor},
    error::WhyError,
    layer::Axes,
    ops,
};

const IMAGE: Axes = &["channel", "row", "column"];

impl Why {
    /// The number that a question names.
    pub(super) fn parse(&self, question: &str) -> Result<Element, WhyError> {
        let question = self.stored.names.parse(question)?;
        let (name, tensor, indices) = (question.name, question.tensor, question.indices);
        let shape = self.stored.names.shape(tensor);
        if indices.len() != shape.len() {
            return Err(WhyError::IndexCount {
                name,
                shape,
                found: indices.len(),
            });
        }
        let mut at = 0;
        for ((index, size), axis) in indices.iter().zip(&shape).zip(self.axes(tensor)) {
            if index >= size {
                return Err(WhyError::OutOfRange {
                    name,
                    axis,
                    size: *size,
                    index: *index,
                    shape,
                });
            }
            at = at * size + index;
        }
        Ok(Element { tensor, at })
    }

    /// The number's place along each axis of its tensor.
    pub(super) fn place(&self, element: Element) -> Vec<Axis> {
        let names = &self.stored.names;
        let axes = self.axes(element.tensor).iter();
        axes.zip(names.indices(element))
            .zip(names.shape(element.tensor))
            .map(|((axis, index), size)| Axis { axis, index, size })
            .collect()
    }

    /// What each axis of a tensor counts.
    fn axes(&self, tensor: Tensor) -> Axes {
        use Tensor as T;
        let names = &self.stored.names;
        let rules = |layer| names.planned(layer).map(|p| ops::rules(&p.operation));
        match tensor {
            T::Loss => &[],
            T::Softmax => &["class"],
            T::Pixel => IMAGE,
            T::Output(layer) | T::Before(layer) | T::DOutput(layer) | T::DBefore(layer) => {
                match names.output(layer) {
                    Shape::Image(_) => IMAGE,
                    Shape::Flat(_) => rules(layer).map_or(&[], |rules| rules.axes()),
                }
            }
            T::Parameter(number) | T::DParameter(number) | T::StepParameter(number) => {
                let own = &names.parameters()[number];
                rules(own.layer).map_or(&[], |rules| rules.parameter_axes(own.part))
            }
        }
    }
}
