# Every recipe prints the glassbox line that it runs.

glassbox := "target/release/glassbox"

# List the recipes
default:
    @just --list --unsorted

# Train on the CPU: just train-cpu, just train-cpu cifar10, just train-cpu photos/ --epochs 10
train-cpu DATA="mnist" *FLAGS: build
    {{glassbox}} train --data {{DATA}} {{FLAGS}}

# Train on the GPU by wgpu: Vulkan, Metal or DX12
train-gpu DATA="mnist" *FLAGS: build-gpu
    {{glassbox}} train --data {{DATA}} --backend wgpu {{FLAGS}}

# Measure a model: just eval runs/mnist-1
eval MODEL *FLAGS: build
    {{glassbox}} eval --model {{MODEL}} {{FLAGS}}

# Say what is in images: just predict runs/mnist-1 digit.png
predict MODEL *IMAGES: build
    {{glassbox}} predict --model {{MODEL}} {{IMAGES}}

# Print a network's layers, shapes and counts
summary ARCH="reference" INPUT="1x28x28" *FLAGS: build
    {{glassbox}} summary --arch {{ARCH}} --input {{INPUT}} {{FLAGS}}

# Run every test
test:
    cargo test --release --workspace

# Formatting and clippy, warnings denied
lint:
    cargo fmt --all --check
    cargo clippy --release --workspace --all-targets -- -D warnings

# Documentation, private items too, warnings denied
doc:
    RUSTDOCFLAGS="-D warnings" cargo doc --release --workspace --no-deps --document-private-items

# Twenty training steps on each of flex, ndarray and wgpu, held against each other
agreement:
    cargo test --release --workspace --features wgpu,ndarray --test agreement -- --nocapture

# How much slower than a bare Burn loop `train` is
overhead:
    cargo bench --workspace --bench overhead

# What is checked before a change lands
ci: test lint doc agreement

[private]
build:
    @cargo build --release --quiet

[private]
build-gpu:
    @cargo build --release --quiet --features wgpu
