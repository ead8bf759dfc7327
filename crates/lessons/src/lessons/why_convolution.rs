//! Lesson 8: what a convolution saves, and what it knows: counts, an experiment, and the rank of a filter bank.

mod experiment;
mod rank;

use glassbox_spec::{ConvGeometry, ImageShape, Padding, Random, Stream};

use self::{
    experiment::{Experiment, Net, SHIFTS, TEST, TRAIN},
    rank::responses_rank,
};
use crate::{
    Block, Lesson, LessonError, Page, Settings, Table, count,
    exercise::{Answer, choose},
};

pub const LESSON: Lesson = Lesson {
    number: 8,
    name: "why-convolution",
    title: "Why convolution: fewer weights, and the right ones",
    takes: &[],
    experiment: true,
    write,
    ask,
};

/// The lesson's own random numbers.
fn drawn(index: u32) -> Random {
    Random::new(0, Stream::Lesson, LESSON.number, index)
}

/// A dense layer beside a convolution of 32 filters of 3×3 on the same image: weights without biases.
fn weights(image: ImageShape, units: usize) -> Result<[u64; 2], LessonError> {
    let whole = ConvGeometry::new(
        image,
        units,
        [image.height(), image.width()],
        [1, 1],
        &Padding::Valid,
    )?;
    let small = ConvGeometry::new(image, 32, [3, 3], [1, 1], &Padding::Valid)?;
    let weights =
        |geometry: ConvGeometry| (geometry.fan_in() * geometry.output().channels()) as u64;
    Ok([weights(whole), weights(small)])
}

fn write(page: &mut Page, _: &Settings) -> Result<(), LessonError> {
    fewer_weights(page)?;
    the_right_ones(page, &experiment::run(&mut drawn(1))?);
    more_filters(page)
}

fn fewer_weights(page: &mut Page) -> Result<(), LessonError> {
    page.text(
        "In a dense layer every output has a weight for every pixel. A convolution uses the same \
         few weights at every place, and each output sees only the pixels nearby. Counted in \
         weights, without biases, beside a convolution of 32 filters of 3×3:",
    );
    let mut rows = Vec::new();
    let mut counts = Vec::new();
    for (image, units) in [
        ([3, 32, 32], 1),
        ([1, 28, 28], 1_000),
        ([1, 1_000, 1_000], 1_000),
    ] {
        let [channels, height, width] = image;
        let [dense, conv] = weights(ImageShape::try_from(image)?, units)?;
        counts.push(dense as f64);
        rows.push([
            format!("{height}×{width}×{channels}"),
            count(units as u64),
            count(dense),
            count(conv),
        ]);
    }
    page.table(
        ["image", "dense outputs", "dense weights", "convolution"],
        rows,
    );
    page.number("dense_weights", counts);
    Ok(())
}

fn the_right_ones(page: &mut Page, experiment: &Experiment) {
    let Experiment {
        parameters,
        accuracy,
        shifted,
    } = experiment;
    let percent = |share: f64| format!("{:.0}%", 100.0 * share);
    page.text(
        "Fewer weights would be no gain if they were the wrong ones. A convolution knows two \
         things before it has seen any image: that pixels nearby belong together (locality), and \
         that what is worth finding at one place is worth finding at another (sharing). The first \
         can be tested: put the pixels of all images in one random order, always the same. Nothing \
         is lost, but neighbours are no longer neighbours.",
    );
    page.text(format!(
        "Two networks of about equal size learn {} drawn digits and are asked about {} others: one \
         dense ({} parameters), one with convolutions ({} parameters).",
        count(u64::from(TRAIN)),
        count(u64::from(TEST)),
        count(parameters[0]),
        count(parameters[1])
    ));
    let name = |net: Net| match net {
        Net::Dense => "dense",
        Net::Convolutional => "convolutional",
    };
    let rows = Net::BOTH.map(|net| {
        let [plain, mixed] = accuracy[net as usize];
        [name(net).to_string(), percent(plain), percent(mixed)]
    });
    page.table(
        ["network", "digits as they are", "pixels in random order"],
        rows,
    );
    page.text(
        "The dense network does not care: it never knew which pixels are neighbours. The \
         convolutional one loses, as what it knew has stopped being true.",
    );
    page.text(
        "Sharing can be tested too. The networks that learned the digits as they are, asked about \
         digits moved to the right, which they have not seen:",
    );
    let head = ["network".to_string()].into_iter();
    let head = head.chain(SHIFTS.map(|shift| format!("moved by {shift}")));
    let rows = Net::BOTH.map(|net| {
        let cells = shifted[net as usize].iter().map(|share| percent(*share));
        std::iter::once(name(net).to_string())
            .chain(cells)
            .collect()
    });
    page.blocks.push(Block::Table(Table {
        head: head.collect(),
        rows: rows.to_vec(),
    }));
    page.text(
        "A filter finds a stroke wherever it is, and pooling forgives a pixel. But the dense layer \
         at the end of the convolutional network still learned where strokes were, so it fails as \
         well once they have moved far enough.",
    );
    page.number("parameters", parameters.map(|n| n as f64).to_vec());
    for net in Net::BOTH {
        page.number(
            &format!("{}_accuracy", name(net)),
            accuracy[net as usize].to_vec(),
        );
        page.number(
            &format!("{}_shifted", name(net)),
            shifted[net as usize].to_vec(),
        );
    }
}

fn more_filters(page: &mut Page) -> Result<(), LessonError> {
    let (pixels, patch) = (rank::SIDE * rank::SIDE, rank::KERNEL * rank::KERNEL);
    page.text(format!(
        "Are more filters always better? A filter without its ReLU is linear, so on an input of \
         {0}×{0}, which is {pixels} numbers, all filters together can say at most {pixels} \
         independent things, and at one place, where a filter of {1}×{1} sees {patch} numbers, at \
         most {patch}. How many they do say is the rank of their responses. For filters drawn at \
         random:",
        rank::SIDE,
        rank::KERNEL,
    ));
    let mut rows = Vec::new();
    let (mut ranks, mut at_one_place) = (Vec::new(), Vec::new());
    for filters in [1, 2, 4, 8, 16, 32, 64] {
        let rank = responses_rank(filters, &mut drawn(2))?;
        rows.push(
            [filters, rank.responses, rank.all_places, rank.one_place].map(|n| n.to_string()),
        );
        ranks.push(rank.all_places as f64);
        at_one_place.push(rank.one_place as f64);
    }
    page.table(
        ["filters", "responses", "their rank", "rank at one place"],
        rows,
    );
    page.text(
        "A few filters already say all there is to say, and the rest repeat mixtures of theirs: 32 \
         or 64 filters on so small an input are redundant, but for what the ReLU behind each makes \
         of its mixture. In the middle of a network it is another matter: there a filter sees many \
         channels, and so many more numbers.",
    );
    page.number("rank", ranks);
    page.number("rank_at_one_place", at_one_place);
    Ok(())
}

fn ask(page: &mut Page, random: &mut Random) -> Result<Answer, LessonError> {
    let (height, width) = (
        10 + random.below(30) as usize,
        10 + random.below(30) as usize,
    );
    let channels = choose(random, &[1, 3]);
    let units = choose(random, &[16, 50, 100]);
    let image = ImageShape::new(channels, height, width)?;
    let [dense, conv] = weights(image, units)?;
    page.text(format!(
        "An image of {height}×{width}×{channels}. How many weights, without biases, has a dense \
         layer of {units} outputs, and how many a convolution of 32 filters of 3×3?"
    ));
    Ok(Answer::row(
        0.0,
        vec![
            (
                dense as f64,
                format!("{height}·{width}·{channels} · {units} = {}", count(dense)),
            ),
            (
                conv as f64,
                format!("3·3·{channels} · 32 = {}", count(conv)),
            ),
        ],
    ))
}
