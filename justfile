# Every recipe prints the glassbox line that it runs.

glassbox := "target/release/glassbox"
node := "node --no-warnings " + justfile_directory() + "/tools/wasm/run.mjs"
# What needs no C compiler and no Burn, and where it is to compile.
everywhere := "-p glassbox-spec -p glassbox-digits -p glassbox-scratch -p glassbox-store -p glassbox-data -p glassbox-infer -p glassbox-lessons -p glassbox-draw"
natives := "aarch64-unknown-linux-gnu x86_64-pc-windows-gnu x86_64-apple-darwin aarch64-apple-darwin"
targets := natives + " wasm32-unknown-unknown"

# List the recipes
default:
    @just --list --unsorted

# Train on the CPU: just train-cpu, just train-cpu mnist, just train-cpu photos/ --epochs 10
train-cpu DATA="digits" *FLAGS: build
    {{glassbox}} train --data {{DATA}} {{FLAGS}}

# Train on the GPU by wgpu: Vulkan, Metal or DX12
train-gpu DATA="digits" *FLAGS: build-gpu
    {{glassbox}} train --data {{DATA}} --backend wgpu {{FLAGS}}

# Measure a model: just eval runs/digits-1 --data mnist
eval MODEL="crates/infer/models/mnist.safetensors" *FLAGS: build
    {{glassbox}} eval --model {{MODEL}} {{FLAGS}}

# Say what is in images, by the built-in model: just predict digit.png, just predict --model runs/digits-1 digits:test:42
predict *IMAGES: build
    {{glassbox}} predict {{IMAGES}}

# Draw a run anew: just report runs/digits-1
report RUN *FLAGS: build
    {{glassbox}} report {{RUN}} {{FLAGS}}

# Draw what is inside a network: just explain maps --image digits:test:42
explain *WHAT: build
    {{glassbox}} explain {{WHAT}}

# Print a network's layers, shapes and counts
summary ARCH="reference" INPUT="1x28x28" *FLAGS: build
    {{glassbox}} summary --arch {{ARCH}} --input {{INPUT}} {{FLAGS}}

# Hold the engines against each other, against finite differences and against planted faults
verify *FLAGS: build
    {{glassbox}} verify {{FLAGS}}

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

# Licences, advisories and sources of all dependencies (needs: cargo install cargo-deny --locked)
deny:
    cargo deny check

# Twenty training steps, and every operation, on each of cpu, flex, ndarray, wgpu and scratch
agreement:
    cargo test --release --workspace --features wgpu,ndarray --test agreement --test verify -- --nocapture

# Whether what needs no C compiler compiles elsewhere too: ARM, WebAssembly, Windows, macOS (installs those targets)
targets:
    rustup target add {{targets}}
    for target in {{targets}}; do cargo check {{everywhere}} --target $target --no-default-features || exit 1; done
    for target in {{natives}}; do cargo check -p glassbox --features train --target $target || exit 1; done
    RUSTFLAGS="-C target-feature=+simd128" cargo check {{everywhere}} --target wasm32-unknown-unknown --no-default-features

# The kernels' tests in a WebAssembly runtime, without and with simd128, and that `portable` has its bits there (needs Node.js)
wasm:
    rustup target add wasm32-unknown-unknown wasm32-wasip1
    for flags in "" "-C target-feature=+simd128"; do \
        export RUSTFLAGS="$flags" CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUNNER="{{node}}" CARGO_TARGET_WASM32_WASIP1_RUNNER="{{node}}"; \
        cargo test --release -p glassbox-scratch --lib --tests --target wasm32-wasip1 || exit 1; \
        cargo test --release -p glassbox-scratch --test same_bits --target wasm32-unknown-unknown || exit 1; done

# The kernels' tests on an ARM processor with NEON, emulated (some minutes; needs qemu-user)
neon:
    rustup target add aarch64-unknown-linux-musl
    CARGO_TARGET_AARCH64_UNKNOWN_LINUX_MUSL_LINKER=rust-lld CARGO_TARGET_AARCH64_UNKNOWN_LINUX_MUSL_RUNNER=qemu-aarch64 \
        cargo test --release -p glassbox-scratch --lib --test kernels --test network --test golden --test same_bits \
        --target aarch64-unknown-linux-musl

# Whether every crate can be packaged with what it needs
package:
    cargo package --workspace --exclude glassbox-fuzz --no-verify --allow-dirty

# Make the built-in model anew: the reference network on MNIST, 12 epochs (the same bytes on processors with AVX-512)
model: build
    rm -rf target/model
    {{glassbox}} train --data mnist --epochs 12 --out target/model
    cp target/model/model.safetensors crates/infer/models/mnist.safetensors

# Kill twenty runs on digits at random moments, resume them, and compare every byte (some minutes)
kills:
    cargo test --release --workspace --test program -- --ignored --nocapture killed

# Hostile bytes for one reader of files: just fuzz idx, just fuzz checkpoint -max_total_time=600 (needs: cargo install cargo-fuzz, and a nightly toolchain)
fuzz TARGET *FLAGS:
    mkdir -p target/fuzz-corpus/{{TARGET}}
    cargo +nightly fuzz run --features libfuzzer --target-dir target/fuzz {{TARGET}} target/fuzz-corpus/{{TARGET}} fuzz/corpus/{{TARGET}} -- -malloc_limit_mb={{ if TARGET == "archive" { "600" } else { "64" } }} -timeout=10 {{FLAGS}}

# Line coverage of the hand-written engine by its own tests (needs: cargo install cargo-tarpaulin)
coverage:
    cargo tarpaulin -p glassbox-scratch --engine llvm --include-files 'crates/scratch/src/*' --target-dir target/coverage --skip-clean

# Every small change to the hand-written engine that its tests do not notice (about an hour; needs: cargo install cargo-mutants)
mutants:
    CARGO_PROFILE_RELEASE_OPT_LEVEL=1 CARGO_PROFILE_RELEASE_INCREMENTAL=true \
        cargo mutants -p glassbox-scratch --jobs 2 --timeout 60 --output target -- --release --lib --tests

# Make the pages of docs/lessons anew
lessons:
    GLASSBOX_WRITE_DOCS=1 cargo test --release -p glassbox-draw --test docs

# Make the golden files anew with Keras, PyTorch and SciPy (needs Python; downloads them into target/golden)
golden:
    python3 -m venv target/golden
    target/golden/bin/pip install --quiet --requirement tools/golden/requirements.txt
    target/golden/bin/python tools/golden/keras_reference.py crates/verify/golden
    for program in keras_single pytorch_single scipy_signal; do \
        target/golden/bin/python tools/golden/$program.py crates/scratch/tests/golden; done

# How fast each engine of this program trains and predicts
bench *FLAGS: build
    {{glassbox}} bench {{FLAGS}}

# The same beside TensorFlow, PyTorch and ONNX Runtime, in turn (needs Python and 7 GB in target/peers; downloads them)
bench-peers *FLAGS: build
    python3 -m venv target/peers
    target/peers/bin/pip install --quiet --requirement tools/peers/requirements.txt
    target/peers/bin/python tools/peers/compare.py --glassbox {{glassbox}} {{FLAGS}}

# The kernels against the reference and against the most that a core can do
bench-kernels:
    cargo bench -p glassbox-scratch --bench kernels

# How much slower than a bare Burn loop `train` is
overhead:
    cargo bench --workspace --bench overhead

# What is checked before a change lands
ci: lint doc test agreement

[private]
build:
    @cargo build --release --quiet

[private]
build-gpu:
    @cargo build --release --quiet --features wgpu
