"""The reference network in ONNX Runtime: answers the requests of worker.py.

It only predicts, with one thread and with all that it may use (`1_thread`, `2_threads`): a small batch can be faster on
one. The model is built here, node by node, with random weights.
"""

from functools import cache, partial

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper
from worker import CHANNELS, CLASSES, HEIGHT, PARAMETERS, THREADS, WIDTH, images, median_seconds, serve

OPSET, IR_VERSION = 17, 8  # older than the runtime's newest, so that it knows them


def network():
    nodes, weights = [], []

    def then(operation, *tensors, output=None, **attributes):
        last = nodes[-1].output[0] if nodes else "images"
        output = output or f"{operation.lower()}{len(nodes)}"
        nodes.append(helper.make_node(operation, [last, *tensors], [output], **attributes))

    def weighted(operation, *shape, **attributes):
        """A layer of `shape[0]` outputs and a bias for each."""
        names = [f"weight{len(nodes)}", f"bias{len(nodes)}"]
        scale = np.float32(1 / np.sqrt(np.prod(shape[1:])))
        for name, tensor in zip(names, (scale * images(*shape), images(shape[0]))):
            weights.append(numpy_helper.from_array(tensor, name))
        then(operation, *names, **attributes)

    weighted("Conv", 32, CHANNELS, 3, 3)
    then("Relu")
    then("MaxPool", kernel_shape=[2, 2], strides=[2, 2])
    weighted("Conv", 64, 32, 3, 3)
    then("Relu")
    then("MaxPool", kernel_shape=[2, 2], strides=[2, 2])
    weighted("Conv", 64, 64, 3, 3)
    then("Relu")
    then("Flatten")
    weighted("Gemm", 64, 64 * 4 * 4, transB=1)
    then("Relu")
    weighted("Gemm", CLASSES, 64, transB=1, output="logits")

    inputs = [helper.make_tensor_value_info("images", TensorProto.FLOAT, ["batch", CHANNELS, HEIGHT, WIDTH])]
    outputs = [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", CLASSES])]
    graph = helper.make_graph(nodes, "reference", inputs, outputs, weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION)
    onnx.checker.check_model(model, full_check=True)
    assert sum(np.prod(tensor.dims) for tensor in weights) == PARAMETERS
    return model.SerializeToString()


@cache
def session(threads):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
    return onnxruntime.InferenceSession(network(), options, providers=["CPUExecutionProvider"])


def predict(threads, batch, seconds):
    model = session(threads)
    x = images(batch, CHANNELS, HEIGHT, WIDTH)  # the binding may only borrow it
    binding = model.io_binding()
    binding.bind_cpu_input("images", x)
    binding.bind_output("logits")
    return median_seconds(lambda: model.run_with_iobinding(binding), seconds)


variants = {f"{threads}_thread{'s'[: threads > 1]}": partial(predict, threads) for threads in sorted({1, THREADS})}
libraries = {"onnxruntime": onnxruntime.__version__, "onnx": onnx.__version__}
serve("ONNX Runtime", libraries, {"train": {}, "predict": variants})
