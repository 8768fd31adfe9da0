# What AffinityNet's recipes share: the runtime of the CAM classifiers, without a validation.
_base_ = './cam_runtime.py'
val_cfg = None
