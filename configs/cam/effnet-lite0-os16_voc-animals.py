# The network of effnet-lite0_voc-animals.py at output stride 16: dilated, same weights, denser CAMs.
# Needs: a checkpoint of effnet-lite0_voc-animals.py, which trains at stride 32 in half the time.
# Run (trains at stride 16): python tools/train.py configs/cam/effnet-lite0-os16_voc-animals.py --data-root DATA_ROOT
#   CAMs: python tools/test.py configs/cam/effnet-lite0-os16_voc-animals.py CHECKPOINT --data-root DATA_ROOT --out CAM_DIR
# Gives: see the README.
_base_ = './effnet-lite0_voc-animals.py'
model = dict(backbone=dict(output_stride=16))
