"""The four networks that MGI is compared with, from well-kept libraries; (B, C, H, W) to logits (B, 1, H, W)."""

from collections.abc import Callable

from torch import nn

from mgi.models.conv_stem import by_groups
from mgi.models.dilated import with_quick_dilation
from mgi.models.narrow_import import MONAI, deferred
from mgi.models.settings import HALVINGS, ModelSettings
from mgi.models.torchvision_ops import allow_torchvision_without_cuda

STRIDES = (2,) * HALVINGS


def build_unet(settings: ModelSettings) -> nn.Module:
    """U-Net (Ronneberger 2015) by MONAI, with leaky ReLU."""
    with deferred(MONAI):
        from monai.networks.nets.basic_unet import BasicUNet

    width = settings.baseline_width
    features = (width, width, 2 * width, 4 * width, 8 * width, width)
    norm = (settings.convolution_norm, {"affine": True})
    return by_groups(BasicUNet(2, settings.image_channels, 1, features=features, norm=norm))


def build_resunet(settings: ModelSettings) -> nn.Module:
    """U-Net with residual units (Zhang 2018) by MONAI."""
    with deferred(MONAI):
        from monai.networks.nets.unet import UNet

    channels, features = settings.image_channels, _doubling(settings.baseline_width)
    return by_groups(UNet(2, channels, 1, features, STRIDES, num_res_units=2, norm=settings.convolution_norm))


def build_attention_unet(settings: ModelSettings) -> nn.Module:
    """U-Net with additive attention gates (Oktay 2018) by MONAI."""
    with deferred(MONAI):
        from monai.networks.nets.attentionunet import AttentionUnet

    channels, features = settings.image_channels, _doubling(settings.baseline_width)
    return AttentionUnet(2, channels, 1, features, STRIDES)  # type: ignore[no-any-return]


def build_deeplabv3plus(settings: ModelSettings) -> nn.Module:
    """DeepLabv3+ (Chen 2018) by segmentation-models-pytorch, without downloaded weights.

    Its dilated encoder is a ResNet-50 from a base width of 64 on, and the smallest MobileNetV3 below, for a CPU; its
    decoder has four times the base width.
    """
    allow_torchvision_without_cuda()
    from segmentation_models_pytorch import DeepLabV3Plus

    encoder = "resnet50" if settings.baseline_width >= 64 else "tu-tf_mobilenetv3_small_minimal_100"
    network = DeepLabV3Plus(
        encoder,
        encoder_weights=None,
        encoder_output_stride=2**HALVINGS,
        decoder_channels=4 * settings.baseline_width,
        in_channels=settings.image_channels,
        classes=1,
    )
    return with_quick_dilation(network)


def _doubling(width: int) -> tuple[int, ...]:
    return tuple(width * 2**level for level in range(HALVINGS + 1))


BASELINES: dict[str, Callable[[ModelSettings], nn.Module]] = {
    "unet": build_unet,
    "resunet": build_resunet,
    "attention_unet": build_attention_unet,
    "deeplabv3plus": build_deeplabv3plus,
}
