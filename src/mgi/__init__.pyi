"""What programs may call, for type checkers and for `mgi.__getattr__`; a comment is a heading of the reference page."""

# Data: shards, split and slices
from mgi.api.slice_dataset import SliceDataset as SliceDataset
from mgi.api.slice_dataset import SliceItem as SliceItem
from mgi.cohort.tables import patients_with_role as patients_with_role
from mgi.cohort.tables import read_split as read_split
from mgi.shards.expression_shard import ExpressionShard as ExpressionShard
from mgi.shards.expression_shard import read_expression as read_expression
from mgi.shards.image_shard import OpenImages as OpenImages
from mgi.shards.image_shard import PatientImages as PatientImages
from mgi.tasks.segmentation.prediction_file import PredictedVolume as PredictedVolume
from mgi.tasks.segmentation.prediction_file import read_volumes as read_volumes

# Networks
from mgi.models.settings import ModelSettings as ModelSettings
from mgi.models.gene_encoder import GeneEncoder as GeneEncoder
from mgi.models.gene_encoder import build_gene_encoder as build_gene_encoder
from mgi.models.encoder_names import register_gene_encoder as register_gene_encoder
from mgi.models.image_encoder import ImageEncoder as ImageEncoder
from mgi.models.mgi import MGI as MGI
from mgi.models.mgi import build_mgi as build_mgi
from mgi.models.mamba import Mamba as Mamba
from mgi.scan.interface import ScanInput as ScanInput
from mgi.scan.interface import selective_scan as selective_scan

# Losses
from mgi.training.contrastive import clip_loss as clip_loss
from mgi.training.contrastive import joint_loss as joint_loss
from mgi.training.contrastive import multi_positive_loss as multi_positive_loss
from mgi.training.simclr import nt_xent as nt_xent
from mgi.training.barlow_twins import barlow_twins_loss as barlow_twins_loss
from mgi.tasks.segmentation.learning import segmentation_loss as segmentation_loss
from mgi.tasks.segmentation.learning import soft_dice_loss as soft_dice_loss
from mgi.training.survival_loss import cox_loss as cox_loss

# Scores
from mgi.api.overlap import dice as dice
from mgi.api.overlap import dice_definitions as dice_definitions

# Released models
from mgi.api.releases import load_release as load_release
from mgi.api.releases import predict as predict
from mgi.release.ensemble import Model as Model
from mgi.release.request import PredictionRequest as PredictionRequest
from mgi.release.prediction import Prediction as Prediction
from mgi.release.training_range import Flag as Flag

# Errors
from mgi.core.errors import BadInputError as BadInputError
from mgi.core.errors import ConfigError as ConfigError
from mgi.core.errors import IntegrityError as IntegrityError
from mgi.core.errors import MgiError as MgiError
from mgi.core.errors import ResourceError as ResourceError

__version__: str

def public_names() -> dict[str, str]: ...
