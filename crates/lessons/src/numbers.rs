//! The numbers of a page by name, to full precision: what a program reads instead of the text.

use serde::{Serialize, Serializer, ser::SerializeMap};

use crate::Matrix;

/// A number, or several.
#[derive(Debug, Clone, PartialEq)]
pub enum Number {
    /// One.
    Value(f64),
    /// A list.
    List(Vec<f64>),
    /// Rows and columns.
    Matrix(Matrix),
}

/// Numbers by name, in the order of the page. Serialises to a map of numbers, lists and lists of rows.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Numbers(Vec<(String, Number)>);

impl Numbers {
    /// Names with their numbers, in the order of the page.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Number)> {
        self.0.iter().map(|(name, number)| (name.as_str(), number))
    }

    /// A number by its name.
    pub fn get(&self, name: &str) -> Option<&Number> {
        self.iter()
            .find(|(found, _)| *found == name)
            .map(|(_, number)| number)
    }

    pub(crate) fn add(&mut self, name: &str, number: impl Into<Number>) {
        self.0.push((name.to_string(), number.into()));
    }
}

impl Number {
    /// All of it, row by row.
    pub fn values(&self) -> &[f64] {
        match self {
            Number::Value(value) => std::slice::from_ref(value),
            Number::List(values) => values,
            Number::Matrix(matrix) => matrix.values(),
        }
    }
}

impl From<f64> for Number {
    fn from(value: f64) -> Self {
        Number::Value(value)
    }
}

impl From<Vec<f64>> for Number {
    fn from(values: Vec<f64>) -> Self {
        Number::List(values)
    }
}

impl From<&Matrix> for Number {
    fn from(matrix: &Matrix) -> Self {
        Number::Matrix(matrix.clone())
    }
}

impl Serialize for Numbers {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, number) in &self.0 {
            map.serialize_entry(name, number)?;
        }
        map.end()
    }
}

impl Serialize for Number {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Number::Value(value) => Whole(*value).serialize(serializer),
            Number::List(values) => serializer.collect_seq(values.iter().copied().map(Whole)),
            Number::Matrix(matrix) => {
                let rows = matrix.values().chunks(matrix.columns());
                serializer
                    .collect_seq(rows.map(|row| row.iter().copied().map(Whole).collect::<Vec<_>>()))
            }
        }
    }
}

/// A number that is written without a point where it is whole.
struct Whole(f64);

impl Serialize for Whole {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // Below 2⁵³ every whole number is exact in both.
        if self.0.fract() == 0.0 && self.0.abs() < 9e15 {
            serializer.serialize_i64(self.0 as i64)
        } else {
            serializer.serialize_f64(self.0)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::matrix::rows;

    #[test]
    fn json_keeps_order_shapes_and_whole_numbers() {
        let mut numbers = Numbers::default();
        numbers.add("z", 3.0);
        numbers.add("a", vec![0.5, -1.0]);
        numbers.add("m", &rows([[1.0, 2.5], [3.0, 4.0]]));
        let json = serde_json::to_string(&numbers).unwrap();
        assert_eq!(json, r#"{"z":3,"a":[0.5,-1],"m":[[1,2.5],[3,4]]}"#);
    }
}
