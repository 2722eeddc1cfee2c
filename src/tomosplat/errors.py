"""Every error that tomosplat raises on purpose.

A message names the argument, what was found, what was expected and what to do.
``exit_code`` is what the command line returns: 2 for bad arguments or input, 1 for work that failed, 3 for a list of
cases of which some failed.
"""


class TomosplatError(Exception):
    """Base of all errors raised on purpose; the command line prints it without a traceback."""

    exit_code = 1


class InputError(TomosplatError):
    """What the caller gave cannot be used as it is."""

    exit_code = 2


class ShapeError(InputError):
    """An array has the wrong shape or dtype."""


class UnitsError(InputError):
    """Values are not in the unit that the operation needs, or are not finite."""


class GeometryError(InputError):
    """An affine, a grid or a camera is impossible or not usable here."""


class SliceSpacingError(GeometryError):
    """The slices of a series or stack are missing, duplicated, uneven, tilted or of unknown spacing."""


class SeriesChoiceError(InputError):
    """A folder holds several DICOM series and none was chosen."""


class FileFormatError(InputError):
    """A file is truncated, hostile or not of the format that its name says."""


class LabelError(InputError):
    """Labels are on another grid, have unknown ids, or name no organ that exists."""


class EmptySceneError(InputError):
    """Nothing would be visible: no foreground voxel, or no Gaussian of the organs asked for."""


class ConstantSlicesError(InputError):
    """Every slice is of one value: there is nothing to interpolate or to compare."""


class TransferFunctionError(InputError):
    """A transfer function is malformed or of a format that is not read."""


class MemoryLimitError(InputError):
    """The work would need more memory than the machine has or the caller allows."""


class PortError(InputError):
    """A port is in use, or may not be opened at the address asked for."""


class OutputError(TomosplatError):
    """A result could not be written (full disk, no permission); nothing was left half-written."""


class DependencyError(TomosplatError):
    """An optional package, or the weights it needs, is not installed."""


class BackendUnavailableError(TomosplatError):
    """The device or backend asked for is absent."""


class DownloadError(TomosplatError):
    """Something could not be fetched, or its checksum is wrong."""


class DivergedError(TomosplatError):
    """A fit ran into values that are not finite; its last good state is kept."""


class SomeCasesFailedError(TomosplatError):
    """Cases of a list failed; the others are done, and each failure left a file that says why."""

    exit_code = 3
