"""RenderNet (Nguyen-Phuoc et al. 2018): a volume resampled along the rays in, a picture out."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn

from tomosplat.errors import ShapeError

#: A picture is this much wider than the volume that it is made from, and the projection half as wide as that.
PIXELS_PER_SAMPLE = 4
#: Edges of a picture are multiples of this.
PICTURE_MULTIPLE = 8


@dataclass(frozen=True)
class RenderNetLayout:
    """Shape of a RenderNet.

    Attributes:
        depth: Samples along each ray, a multiple of 4.
        features: Channels of the three 3D convolutions.
        projected: Channels behind the projection.
        decoded: Channels of the picture-shaped stages, coarsest first: behind the second set of residual blocks, then
            after each of the transposed convolutions but the last.
        volume_blocks: Residual blocks in three dimensions.
        picture_blocks: Residual blocks in two dimensions, of the first and the second set.
        dropout: Share of the channels behind the 3D convolutions that are left out in training.
    """

    depth: int = 128
    features: tuple[int, int, int] = (8, 16, 32)
    projected: int = 1024
    decoded: tuple[int, int, int, int, int, int, int] = (512, 256, 128, 128, 64, 32, 16)
    volume_blocks: int = 10
    picture_blocks: tuple[int, int] = (10, 5)
    dropout: float = 0.25

    def scaled(self, width: int, depth: int) -> RenderNetLayout:
        """The same with ``width`` channels behind the 3D convolutions, the others in proportion, and another depth."""
        by = self.features[-1] // width
        a, b, c = (max(n // by, 1) for n in self.features)
        d = tuple(max(n // by, 1) for n in self.decoded)
        return RenderNetLayout(
            depth,
            (a, b, c),
            self.projected // by,
            (d[0], d[1], d[2], d[3], d[4], d[5], d[6]),
            self.volume_blocks,
            self.picture_blocks,
            self.dropout,
        )


class RenderNet(nn.Module):
    """3D convolutions in view space, a perceptron along each ray, 2D convolutions up to the picture.

    Weiss and Navab (2021, table 1) give about 226 M parameters for theirs and no layers. Those of RenderNet's authors
    have 237.3 M with a convolution behind the ten residual blocks of 1024 channels, and 227.8 M without it: ours leaves
    it out. It returns alpha as a fourth channel, because pictures have one: 227 832 988 parameters.

    Args:
        layout: Its shape.
        out_channels: Of the picture.
    """

    def __init__(self, layout: RenderNetLayout, out_channels: int = 4) -> None:
        super().__init__()
        if layout.depth % 4 or layout.depth < 4:
            raise ShapeError(f"depth must be a positive multiple of 4, got {layout.depth}")
        self.layout = layout
        a, b, c = layout.features
        self.encoder = nn.Sequential(
            nn.Conv3d(1, a, kernel_size=5, stride=2, padding=2),
            *(nn.PReLU(a, init=0.0), nn.Dropout3d(layout.dropout)),
            nn.Conv3d(a, b, kernel_size=3, stride=(1, 1, 2), padding=1),
            *(nn.PReLU(b, init=0.0), nn.Dropout3d(layout.dropout)),
            nn.Conv3d(b, c, kernel_size=3, padding=1),
            *(nn.PReLU(c, init=0.0), nn.Dropout3d(layout.dropout)),
        )
        self.volume_blocks = nn.Sequential(
            *(_Residual(nn.Conv3d, c) for _ in range(layout.volume_blocks)), nn.Conv3d(c, c, kernel_size=3, padding=1)
        )
        wide, narrow, *rest = layout.projected, *layout.decoded
        self.projection = nn.Sequential(nn.Conv2d(c * layout.depth // 4, wide, kernel_size=1), nn.PReLU(wide, init=0.0))
        first, second = layout.picture_blocks
        self.wide_blocks = nn.Sequential(*(_Residual(nn.Conv2d, wide) for _ in range(first)))
        self.narrow = _same_convolution(wide, narrow)
        self.narrow_blocks = nn.Sequential(
            *(_Residual(nn.Conv2d, narrow) for _ in range(second)), nn.Conv2d(narrow, narrow, kernel_size=3, padding=1)
        )
        stages: list[nn.Module] = [_same_convolution(narrow, rest[0])]
        strides = (2, 1, 2, 2, 1)
        for i, o, stride in zip(rest, rest[1:], strides, strict=False):
            stages += [_transposed(i, o, stride), nn.PReLU(o, init=0.0)]
        self.decoder = nn.Sequential(*stages, _transposed(rest[-1], out_channels, 1))
        # Without normalisation the signal would die out on its way through some thirty layers.
        for module in self.modules():
            if isinstance(module, nn.Conv2d | nn.Conv3d | nn.ConvTranspose2d):
                nn.init.xavier_uniform_(module.weight)
                nn.init.zeros_(module.bias)  # type: ignore[arg-type]

    def forward(self, volume: Tensor) -> Tensor:
        """Render.

        Args:
            volume: [B, 1, H / 4, W / 4, depth], the volume sampled along the rays from front to back; H and W are
                multiples of 8.

        Returns:
            [B, out_channels, H, W] without activation. Differentiable in volume and weights.

        Raises:
            ShapeError: The volume has another shape.
        """
        if (
            volume.ndim != 5
            or volume.shape[1] != 1
            or volume.shape[4] != self.layout.depth
            or any(n % 2 for n in volume.shape[2:4])
        ):
            raise ShapeError(
                f"a resampled volume must be [B, 1, H / 4, W / 4, {self.layout.depth}] with even edges, "
                f"got {tuple(volume.shape)}"
            )
        encoded = self.encoder(volume)
        encoded = encoded + self.volume_blocks(encoded)
        flat = encoded.permute(0, 4, 1, 2, 3).flatten(1, 2)  # depth and channels of each ray become one axis
        wide = self.projection(flat)
        narrow = self.narrow(wide + self.wide_blocks(wide))
        return self.decoder(narrow + self.narrow_blocks(narrow))  # type: ignore[no-any-return]


class _Residual(nn.Module):
    def __init__(self, convolution: type[nn.Conv2d] | type[nn.Conv3d], channels: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            convolution(channels, channels, kernel_size=3, padding=1),
            nn.PReLU(channels, init=0.0),
            convolution(channels, channels, kernel_size=3, padding=1),
        )

    def forward(self, x: Tensor) -> Tensor:
        return x + self.layers(x)  # type: ignore[no-any-return]


def _same_convolution(in_channels: int, out_channels: int) -> nn.Sequential:
    """4×4 that keeps the size: padded by one before and two behind, as TensorFlow does."""
    return nn.Sequential(
        nn.ZeroPad2d((1, 2, 1, 2)),
        nn.Conv2d(in_channels, out_channels, kernel_size=4),
        nn.PReLU(out_channels, init=0.0),
    )


def _transposed(in_channels: int, out_channels: int, stride: int) -> nn.Module:
    """4×4 that multiplies the size by ``stride``."""
    if stride == 2:
        return nn.ConvTranspose2d(in_channels, out_channels, kernel_size=4, stride=2, padding=1)
    # Stride 1 makes three pixels more: one before and two behind are left out.
    return nn.Sequential(nn.ConvTranspose2d(in_channels, out_channels, kernel_size=4), nn.ZeroPad2d((-1, -2, -1, -2)))
