"""The residual network: its PyTorch module and its ONNX graph.

Modules carry the names the ONNX nodes and initializers get, so the graph can
be written straight from the state dict.
"""

import collections

import onnx
from onnx import TensorProto, helper
from torch import nn

CHANNELS = 1
SIZE = 28
CLASSES = 10
STEM_WIDTH = 16
STAGES = ((16, 1), (32, 1), (64, 2))  # (width, blocks) of layer1, layer2, ...
EPSILON = 1e-5

OPSET = 13
IR_VERSION = 7


def conv_bn(inputs, outputs, kernel, stride):
    convolution = nn.Conv2d(
        inputs, outputs, kernel, stride, padding=kernel // 2, bias=False
    )
    return convolution, nn.BatchNorm2d(outputs, eps=EPSILON)


class Block(nn.Module):
    """Two 3x3 convolutions and a shortcut around them."""

    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.conv1, self.bn1 = conv_bn(inputs, outputs, 3, stride)
        self.relu1 = nn.ReLU(inplace=True)
        self.conv2, self.bn2 = conv_bn(outputs, outputs, 3, 1)
        self.shortcut = None
        if stride != 1 or inputs != outputs:
            convolution, bn = conv_bn(inputs, outputs, 1, stride)
            self.shortcut = nn.Sequential(
                collections.OrderedDict(conv=convolution, bn=bn)
            )
        self.relu2 = nn.ReLU(inplace=True)

    def forward(self, x):
        y = self.relu1(self.bn1(self.conv1(x)))
        y = self.bn2(self.conv2(y))
        return self.relu2(y + (self.shortcut(x) if self.shortcut else x))


def make_stage(inputs, outputs, blocks, stride):
    first = Block(inputs, outputs, stride)
    rest = [Block(outputs, outputs, 1) for _ in range(blocks - 1)]
    return nn.Sequential(first, *rest)


class Network(nn.Module):
    """Input [N, 1, 28, 28], output [N, 10]."""

    def __init__(self):
        super().__init__()
        self.conv1, self.bn1 = conv_bn(CHANNELS, STEM_WIDTH, 3, 1)
        self.relu = nn.ReLU(inplace=True)
        self.stages = []
        width = STEM_WIDTH
        for number, (outputs, blocks) in enumerate(STAGES, start=1):
            stride = 1 if number == 1 else 2
            name = f"layer{number}"
            self.add_module(name, make_stage(width, outputs, blocks, stride))
            self.stages.append(name)
            width = outputs
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.flatten = nn.Flatten()
        self.logits = nn.Linear(width, CLASSES)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, nonlinearity="relu")

    def forward(self, x):
        x = self.relu(self.bn1(self.conv1(x)))
        for name in self.stages:
            x = getattr(self, name)(x)
        return self.logits(self.flatten(self.avgpool(x)))


class GraphWriter:
    """Collects ONNX nodes; each method returns the name of its output tensor."""

    def __init__(self, network):
        self.modules = dict(network.named_modules())
        self.state = network.state_dict()
        self.nodes = []
        self.initializers = []

    def parameter(self, name):
        values = self.state[name].detach().float().contiguous().numpy()
        self.initializers.append(
            helper.make_tensor(
                name, TensorProto.FLOAT, values.shape, values.tobytes(), raw=True
            )
        )
        return name

    def node(self, kind, name, inputs, **attributes):
        self.nodes.append(
            helper.make_node(kind, inputs, [name], name=name, **attributes)
        )
        return name

    def conv(self, name, x):
        module = self.modules[name]
        return self.node(
            "Conv",
            name,
            [x, self.parameter(f"{name}.weight")],
            kernel_shape=list(module.kernel_size),
            strides=list(module.stride),
            pads=list(module.padding) * 2,
        )

    def batch_norm(self, name, x):
        fields = ("weight", "bias", "running_mean", "running_var")
        inputs = [x] + [self.parameter(f"{name}.{field}") for field in fields]
        epsilon = self.modules[name].eps
        return self.node("BatchNormalization", name, inputs, epsilon=epsilon)

    def gemm(self, name, x):
        inputs = [x, self.parameter(f"{name}.weight"), self.parameter(f"{name}.bias")]
        return self.node("Gemm", name, inputs, transB=1)

    def block(self, name, x):
        y = self.batch_norm(f"{name}.bn1", self.conv(f"{name}.conv1", x))
        y = self.node("Relu", f"{name}.relu1", [y])
        y = self.batch_norm(f"{name}.bn2", self.conv(f"{name}.conv2", y))
        if self.modules[name].shortcut:
            x = self.conv(f"{name}.shortcut.conv", x)
            x = self.batch_norm(f"{name}.shortcut.bn", x)
        total = self.node("Add", f"{name}.add", [y, x])
        return self.node("Relu", f"{name}.relu2", [total])


def onnx_model(network):
    """The ONNX model of a trained network, BatchNormalization not folded."""
    writer = GraphWriter(network)
    x = writer.batch_norm("bn1", writer.conv("conv1", "input"))
    x = writer.node("Relu", "relu", [x])
    for stage in network.stages:
        for index in range(len(getattr(network, stage))):
            x = writer.block(f"{stage}.{index}", x)
    x = writer.node("GlobalAveragePool", "avgpool", [x])
    x = writer.node("Flatten", "flatten", [x], axis=1)
    writer.gemm("logits", x)

    shape_in = ["N", CHANNELS, SIZE, SIZE]
    shape_out = ["N", CLASSES]
    graph = helper.make_graph(
        writer.nodes,
        "fashion",
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, shape_in)],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, shape_out)],
        writer.initializers,
    )
    model = helper.make_model(
        graph,
        ir_version=IR_VERSION,
        opset_imports=[helper.make_opsetid("", OPSET)],
        producer_name="train.py",
    )
    onnx.checker.check_model(model, full_check=True)
    return model
